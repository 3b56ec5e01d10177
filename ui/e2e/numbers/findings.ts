import { expect } from 'vitest';
import type { Evidence, Finding, NotKnown, Rule } from '../../src/api/findings';
import { kindOf } from '../../src/components/badge';
import { stakes } from '../../src/components/finding/advice';
import { type App, ask, ours, pages } from '../places';
import { answer } from './answers';
import { exact, type Reader } from './reader';

/** What a card of a finding says. */
interface Card {
  rule: string;
  severity: string;
  summary: string;
  stake: string[];
  settings: string[];
  evidence: string[];
}

/** In the page. */
function read(): Card[] {
  // Of a long text the first lines are shown.
  const firstLine = (e: Element | null) => e?.textContent?.trim().split('\n')[0]?.replace(/\s+/g, ' ').trim();
  const text = (e: Element | null | undefined) => (e?.textContent ?? '').replace(/\s+/g, ' ').trim();
  return [...document.querySelectorAll('.found')].map((card) => ({
    rule: (card as HTMLElement).dataset.rule ?? '',
    severity: text(card.querySelector('.status')),
    summary: text(card.querySelector('h3')),
    stake: [...card.querySelectorAll('.found-stake [title]')].map((e) => e.getAttribute('title') ?? ''),
    settings: [...card.querySelectorAll('.found-setting')].map((e) => [...e.querySelectorAll('code')].map((code) => code.textContent).join(' ')),
    evidence: [...card.querySelectorAll('.found-evidence dl > div')].map((e) => `${text(e.querySelector('dt'))}: ${e.querySelector('dd time')?.getAttribute('datetime') ?? e.querySelector('dd .num')?.getAttribute('title') ?? firstLine(e.querySelector('dd pre')) ?? text(e.querySelector('dd'))}`),
  }));
}

/** Every finding of an application, with everything it says; gives how many. */
export async function findings(see: Reader, app: App): Promise<number> {
  const all = await answer<Finding[]>(`${ours(app)}/findings`);
  const unknown = await answer<NotKnown[]>(`${ours(app)}/findings/not-known`);
  await see.go(`${pages(app)}/findings`);
  await see.eventually(async () => (await see.page.evaluate(read)).map(comparable), all.slice(0, 50).map(wanted).map(comparable), 'findings');
  await see.eventually(() => see.page.evaluate(() => document.querySelectorAll('.found-unknown li').length), unknown.length, 'not known');
  // The tab says how many there are.
  await see.says('.app-head [aria-current] .tab-count', String(all.length));
  for (const of of all.flatMap((f) => f.evidence)) await resolves(of);
  for (const f of all.slice(0, 5)) await there(see, app, f);
  return all.length;
}

/** Numbers as numbers: what a title says has two digits. */
const comparable = (card: Card) => ({
  ...card,
  evidence: card.evidence.map((one) => {
    const [, name, value] = /^(.*?): (.*?)(?: times)?$/.exec(one) ?? [];
    return `${name}: ${exact(value ?? '') ?? value}`;
  }),
});

function wanted(f: Finding): Card {
  const value = ({ value: v, unit }: Evidence) => (unit === 'time' ? new Date(Number(v)).toISOString() : typeof v === 'string' ? (v.trim().split('\n')[0] ?? '').replace(/\s+/g, ' ').trim() : unit === 'share' ? `${(v * 100).toLocaleString('en-US', { maximumFractionDigits: 2 })}%` : unit === 'ratio' ? String(v) : v.toLocaleString('en-US', { maximumFractionDigits: 2 }));
  return {
    rule: f.rule,
    severity: kindOf(f.severity).word,
    summary: f.summary.replace(/\s+/g, ' ').trim(),
    stake: stakes(f.at_stake).map((s) => s.exact),
    settings: f.advice.flatMap((a) => ('key' in a ? [`${a.key} ${a.current ?? 'not set'} ${a.suggested}`] : [])),
    evidence: f.evidence.map((e) => `${e.name}: ${value(e)}`),
  };
}

/** The number is where its reference says. */
async function resolves({ path, pointer, value }: Evidence): Promise<void> {
  if (path === undefined || pointer === undefined) return;
  let at: unknown = await answer(path);
  for (const part of pointer.split('/').slice(1)) at = (at as Record<string, unknown>)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
  expect([path, pointer, at]).toEqual([path, pointer, value]);
}

/** On the page of its place, too. */
async function there(see: Reader, app: App, { where, rule, summary }: Finding): Promise<void> {
  const page = where.kind === 'stage' ? `stages/${where.stage}/${where.attempt}`
    : where.kind === 'sql' || where.kind === 'node' ? `sql/${where.sql}?view=findings`
    : where.kind === 'executor' || where.kind === 'host' ? 'executors'
    : where.kind === 'query' || where.kind === 'batch' ? `streaming/${where.run}`
    : where.kind === 'job' ? `jobs/${where.job}`
    : '';
  await see.go(`${pages(app)}/${page}`);
  const is = async () => (await see.page.evaluate(read)).some((card) => card.rule === rule && (where.kind === 'application' || card.summary === summary.replace(/\s+/g, ' ').trim()));
  // The overview has the first of five kinds.
  if (page !== '') await see.eventually(is, true, `${rule} at ${where.text}`);
}

/** Every rule with its page. */
export async function rules(see: Reader): Promise<void> {
  const all = await ask<Rule[]>('/api/afterglow/v1/rules');
  await see.go('/rules');
  await see.eventually(() => see.page.evaluate(() => [...document.querySelectorAll('table.plain tbody tr')].map((tr) => tr.querySelector('td')?.textContent)), all.map((r) => r.name), 'rules');
  for (const { name } of all) {
    const { page } = await ask<{ page: string }>(`/api/afterglow/v1/rules/${name}`);
    await see.go(`/rules/${name}`);
    const strong = [...page.matchAll(/^\*\*(.+?)\*\*/gm)].map(([, words]) => words ?? '');
    await see.eventually(() => see.page.evaluate(() => [...document.querySelectorAll('.doc p > strong:first-child')].map((e) => e.textContent ?? '')), strong, name);
  }
}
