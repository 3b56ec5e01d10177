import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { complaints, launch, open, settled, type Theme } from './browser';
import { places } from './places';

/** Every page in both themes: it shows, complains of nothing, and can be used without a mouse and without seeing it. */

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
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

    // Scripts from elsewhere are not allowed in the page; the browser's own tools are.
    await page.evaluate(axe);
    const found = await page.evaluate(() => (globalThis as unknown as { axe: { run: () => Promise<Report> } }).axe.run());
    expect(found.violations.map(told)).toEqual([]);
    await context.close();
  });
});

interface Report {
  violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
}

const told = (v: Report['violations'][number]) =>
  `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary?.split('\n')[1] ?? ''}`).join(' | ')} (${v.nodes.length})`;
