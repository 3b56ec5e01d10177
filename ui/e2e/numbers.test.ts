import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, open } from './browser';
import { asSpark, facets, sorted } from './numbers/applications';
import { executors } from './numbers/executors';
import { findings, rules } from './numbers/findings';
import { jobs, stages } from './numbers/jobs';
import { overview } from './numbers/overview';
import { Reader } from './numbers/reader';
import { connect, environment, pauses, sources, storage, streaming } from './numbers/rest';
import { sql } from './numbers/sql';
import { stage } from './numbers/stage';
import { applications } from './places';

/** Every number that a page shows is the one of the API, exactly: of all applications, not of one. */

const apps = (await applications()).map((app) => ({ ...app, called: `${app.id}${app.attemptId === undefined ? '' : ` ${app.attemptId}`}` }));
let browser: Browser;
let see: Reader;
beforeAll(async () => {
  browser = await launch();
  // So high that tables show all their rows.
  const context = await open(browser, 'light', 2400, 4800);
  see = new Reader(await context.newPage());
  await see.page.goto('/');
});
afterAll(() => browser.close());

describe('applications', () => {
  it('rows in every order', () => sorted(see));
  it('rows and counts of every facet', async () => expect(await facets(see)).toBeGreaterThan(10));
  it('as Spark says', asSpark);
});

it('sources', () => sources(see));

it('rules', () => rules(see));

describe.each(Object.entries({ overview, jobs, stages, stage, sql, executors }))('%s', (_, check) => {
  it.each(apps)('$called', (app) => check(see, app));
});

describe.each(Object.entries({ findings, streaming, storage, environment, connect, pauses }))('%s', (what, check) => {
  it('of all applications', { timeout: 60_000 }, async () => {
    let found = 0;
    for (const app of apps) found += await check(see, app);
    expect(found, `${what} that the logs have`).toBeGreaterThan(0);
  });
});
