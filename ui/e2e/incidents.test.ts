import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { IncidentDetail, Mute } from '../src/api/incidents';
import { complaints, launch, open, settled } from './browser';
import { ask } from './places';

/** An alert comes in, and a person deals with it: what the pages do is what REST then says. */

const API = '/api/afterglow/v1';
const server = process.env.AFTERGLOW ?? 'http://127.0.0.1:18080';
let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** As Alertmanager sends it. */
async function raise(name: string): Promise<number> {
  const alert = { status: 'firing', labels: { alertname: name, severity: 'warning', cluster: 'east' }, annotations: { summary: `${name}: lag is 900 s` }, startsAt: '2026-11-21T10:00:00Z', endsAt: '0001-01-01T00:00:00Z', generatorURL: '', fingerprint: name };
  const body = JSON.stringify({ version: '4', status: 'firing', receiver: 'afterglow', groupLabels: {}, commonLabels: {}, commonAnnotations: {}, externalURL: '', alerts: [alert] });
  const answer = await fetch(`${server}${API}/intake/alertmanager`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  expect(answer.status).toBe(200);
  const { incidents } = (await answer.json()) as { incidents: (number | null)[] };
  return incidents[0] ?? -1;
}

const incident = (id: number) => ask<IncidentDetail>(`${API}/incidents/${id}`);

async function eventually<T>(read: () => Promise<T>, wanted: T): Promise<void> {
  const until = Date.now() + 10_000;
  for (;;) {
    const found = await read();
    if (JSON.stringify(found) === JSON.stringify(wanted)) return;
    if (Date.now() > until) return void expect(found).toEqual(wanted);
    await new Promise((done) => setTimeout(done, 50));
  }
}

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();

it('is found, acknowledged, assigned, commented, muted and resolved', async () => {
  const name = `ConsumerLag${Date.now()}`;
  const id = await raise(name);
  const context = await open(browser, 'light');
  const page = await context.newPage();
  const complained = complaints(page);
  await page.goto(`/incidents?state=firing&q=${name}`);
  await settled(page);
  expect(await page.locator('.table-bar [aria-live]').innerText()).toBe('1 incident');
  await page.locator(`a[href="/incidents/${id}"]`).first().click();
  await settled(page);
  const told = await incident(id);
  expect(await page.locator('.detail-title h2').innerText()).toBe(told.summary);
  expect(await page.locator('.incident-events > li').count()).toBe(told.events.length);
  for (const [label, value] of Object.entries(told.labels)) expect(await page.locator(`.badge[title="${label}=${value}"]`).count()).toBe(1);

  await page.getByLabel('Your name').fill('ada');
  await press(page, 'Acknowledge');
  await eventually(async () => (await incident(id)).acknowledged_by, 'ada');
  await press(page, 'Assign to me');
  await eventually(async () => (await incident(id)).assigned_to, 'ada');
  await page.getByLabel('Comment, or why').fill('looking at the <broker>');
  await press(page, 'Comment');
  await eventually(async () => (await incident(id)).events.filter((e) => e.text.includes('looking at the <broker>')).map((e) => e.by), ['ada']);
  await page.waitForFunction(() => document.querySelector('.incident-events')?.textContent?.includes('looking at the <broker>'));
  await press(page, 'Unacknowledge');
  await eventually(async () => (await incident(id)).acknowledged_by, null);
  await press(page, 'Mute');
  await eventually(async () => (await ask<Mute[]>(`${API}/mutes`)).filter((m) => m.rule === told.rule).map((m) => m.by), ['ada']);
  await page.waitForFunction(() => [...document.querySelectorAll('.incident-marks .badge')].some((b) => b.textContent === 'muted'));
  await press(page, 'Resolve');
  await eventually(async () => (await incident(id)).state, 'resolved');
  await page.waitForFunction(() => document.querySelector('.detail-title .status')?.textContent === 'Resolved');

  // The mute is listed, and goes when it is removed.
  await page.goto('/incidents?view=quiet');
  await settled(page);
  const row = page.locator('table[aria-label="Mutes"] tbody tr', { hasText: told.rule });
  expect(await row.count()).toBe(1);
  await row.getByRole('button', { name: 'Remove' }).click();
  await eventually(async () => (await ask<Mute[]>(`${API}/mutes`)).filter((m) => m.rule === told.rule).length, 0);
  expect(complained).toEqual([]);
  await context.close();
});

it('is kept quiet by a silence that somebody writes', async () => {
  const name = `Silenced${Date.now()}`;
  const id = await raise(name);
  const context = await open(browser, 'dark');
  const page = await context.newPage();
  await page.goto('/incidents?view=quiet');
  await settled(page);
  const form = page.locator('form').nth(1);
  await form.getByLabel('Labels, one matcher a line').fill(`alertname="${name}"`);
  await form.getByLabel('Reason').fill('maintenance');
  await form.getByLabel('Your name').fill('ada');
  await form.getByRole('button', { name: 'Silence' }).click();
  await eventually(async () => (await incident(id)).silenced, true);
  await page.locator('table[aria-label="Silences"] tbody tr', { hasText: name }).getByRole('button', { name: 'Remove' }).click();
  await eventually(async () => (await incident(id)).silenced, false);
  await context.close();
});
