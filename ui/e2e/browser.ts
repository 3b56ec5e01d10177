import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** Debian's Chromium; another one by CHROMIUM. */
export function launch(): Promise<Browser> {
  // As root there is no sandbox; only our own pages are opened.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
}

export type Theme = 'light' | 'dark';

export function open(browser: Browser, theme: Theme, width = 1440, height = 900): Promise<BrowserContext> {
  return openAt(browser, process.env.AFTERGLOW ?? 'http://127.0.0.1:18080', theme, width, height);
}

/** Pages of a server of its own. */
export function openAt(browser: Browser, baseURL: string, theme: Theme, width = 1440, height = 900): Promise<BrowserContext> {
  const viewport = { width, height };
  return browser.newContext({ viewport, baseURL, colorScheme: theme, timezoneId: 'UTC', locale: 'en-GB', reducedMotion: 'reduce' });
}

/** What a page complained of: console, exceptions, requests that failed. */
export function complaints(page: Page, allowed: (url: string) => boolean = () => false): string[] {
  const all: string[] = [];
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type()) || allowed(message.location().url)) return;
    all.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => all.push(`exception: ${error.message}`));
  page.on('response', (r) => r.status() >= 400 && !allowed(r.url()) && all.push(`${r.status()} ${r.url()}`));
  return all;
}

/** Waits until nothing loads any more. */
export async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('networkidle');
  await page.waitForFunction(() => !document.querySelector('[aria-busy="true"], .skeleton'), undefined, { timeout: 10_000 });
}

interface Report {
  violations: { id: string; help: string; nodes: { html: string; failureSummary?: string }[] }[];
}

const told = (v: Report['violations'][number]) =>
  `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary?.split('\n')[1] ?? ''}`).join(' | ')} (${v.nodes.length})`;

/** What axe says that keeps people from using a page without a mouse or without seeing it. */
export async function violations(page: Page): Promise<string[]> {
  // Scripts from elsewhere are not allowed in the page; the browser's own tools are.
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  const found = await page.evaluate(() => (globalThis as unknown as { axe: { run: () => Promise<Report> } }).axe.run());
  return found.violations.map(told);
}
