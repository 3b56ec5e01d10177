import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { complaints, launch, open, settled, type Theme, violations } from './browser';
import { places } from './places';

/** Every page in both themes: it shows, complains of nothing, and can be used without a mouse and without seeing it. */

const all = await places();
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

describe.each(['light', 'dark'] satisfies Theme[])('%s', (theme) => {
  it.each(all)('$name', async ({ name, path }) => {
    const context = await open(browser, theme);
    const page = await context.newPage();
    // An application that is not there is asked for, and the answer is 404.
    const complained = complaints(page, (url) => name === 'not-found' && url.includes('/applications/local-0'));
    await page.goto(path);
    await settled(page);
    expect(complained).toEqual([]);
    expect((await page.locator('main').innerText()).trim()).not.toBe('');
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);

    expect(await violations(page)).toEqual([]);
    await context.close();
  });
});
