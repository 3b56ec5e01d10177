import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import * as f from '../../src/core/format';

/** What a page shows, read back as the exact values that its numbers have in their titles. */

interface Shown {
  title: string;
  text: string;
}

export interface Cell {
  text: string;
  titles: string[];
  numbers: Shown[];
}

interface Rows {
  /** Of the whole table; only those in view are read. */
  total: number;
  rows: Record<string, Cell>[];
}

/** A number is the first of its cell, a list all of them; a text is what stands there or shows on hover. */
export type Expected = number | string | undefined | (number | undefined)[];
export type Row = Record<string, Expected>;

const PATIENCE = Number(process.env.PATIENCE ?? 6000);

export class Reader {
  constructor(readonly page: Page) {}

  /** Goes to an address as a click on a link does: nothing is loaded anew. */
  async go(url: string): Promise<void> {
    await this.page.evaluate((to) => {
      const link = document.createElement('a');
      link.href = to;
      document.body.append(link);
      link.click();
      link.remove();
    }, url);
  }

  /** Asks until the answer is the expected one: pages show numbers as they arrive. */
  async eventually<T>(read: () => Promise<T>, expected: T, what: string): Promise<void> {
    const until = Date.now() + PATIENCE;
    for (;;) {
      const found = await read();
      if (same(found, expected)) return;
      if (Date.now() > until) {
        expect(found, `${what} of ${this.page.url()}`).toEqual(expected);
        return;
      }
      await new Promise((done) => setTimeout(done, 15));
    }
  }

  /** The rows of a table, from its first. */
  async table(label: string, expected: Row[]): Promise<void> {
    const titles = [...new Set(expected.flatMap((row) => Object.keys(row)))];
    let seen: Rows | undefined;
    await this.page.evaluate(arrival, { label, total: expected.length });
    const read = async () => {
      seen = await this.page.evaluate(readTable, label);
      if (!seen) return { total: -1, rows: [] };
      const rows = seen.rows.map((row, at) => Object.fromEntries(titles.map((t) => [t, project(row[t], expected[at]?.[t])])));
      return { total: seen.total, rows };
    };
    const few = Math.min(expected.length, 12);
    const wanted = () => ({ total: expected.length, rows: expected.slice(0, Math.max(few, seen?.rows.length ?? 0)).map((row) => Object.fromEntries(titles.map((t) => [t, wantedOf(row[t])]))) });
    // How many rows are in view is known once they are read.
    const until = Date.now() + PATIENCE;
    for (;;) {
      const found = await read();
      if (same(found, wanted())) break;
      if (Date.now() > until) expect(found, `${label} of ${this.page.url()}`).toEqual(wanted());
      await new Promise((done) => setTimeout(done, 15));
    }
    for (const row of seen?.rows ?? []) for (const cell of Object.values(row)) cell.numbers.forEach(rounded);
  }

  /** Some of the facts of a section. */
  async facts(section: string, expected: Row): Promise<void> {
    let seen: Record<string, Cell> = {};
    const read = async () => {
      seen = await this.page.evaluate(readFacts, section);
      return Object.fromEntries(Object.keys(expected).map((name) => [name, project(seen[name], expected[name])]));
    };
    await this.eventually(read, Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, wantedOf(value)])), section);
    for (const cell of Object.values(seen)) cell.numbers.forEach(rounded);
  }

  /** The text of an element; undefined while there is none. */
  text(selector: string): Promise<string | undefined> {
    return this.page.evaluate((s) => document.querySelector(s)?.textContent?.replace(/\s+/g, ' ').trim(), selector);
  }

  async says(selector: string, expected: string): Promise<void> {
    await this.eventually(() => this.text(selector), expected, selector);
  }
}

/** The number that a title says: `1,234 ms`, `12.35%`, a moment in UTC; undefined if it is not known. */
export function exact(title: string): number | undefined {
  const moment = /\n(\S+ \S+) UTC$/.exec(title)?.[1];
  if (moment !== undefined) return Date.parse(`${moment.replace(' ', 'T')}Z`);
  const [, number] = /^(?:mean of all tasks: )?(-?[\d,]+(?:\.\d+)?)(?:%| \D*| bytes of [\d,]+ bytes)?$/.exec(title) ?? [];
  return number === undefined ? undefined : to2(Number(number.replaceAll(',', '')));
}

/** A share as its title says it, of a hundred. */
export const percent = (share: number | undefined): number | undefined => exact(f.percentExact(share));

/** Titles have two digits behind the point. */
const to2 = (n: number): number => Number(f.count(n).replaceAll(',', ''));

function wantedOf(value: Expected): Expected {
  if (typeof value === 'number') return to2(value);
  return Array.isArray(value) ? value.map((v) => (v === undefined ? v : to2(v))) : value;
}

function project(cell: Cell | undefined, expected: Expected): Expected {
  if (!cell) return 'is not there';
  if (Array.isArray(expected)) return cell.numbers.map(({ title }) => exact(title));
  if (typeof expected === 'string') return cell.titles.includes(expected) ? expected : cell.text;
  const first = cell.numbers[0]?.title ?? cell.titles[0];
  return first === undefined ? undefined : exact(first);
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a, keep) === JSON.stringify(b, keep);
const keep = (_: string, value: unknown) => (value === undefined ? 'nothing' : value);

/** What stands in a cell is its title, shortened. */
function rounded({ title, text }: Shown): void {
  const [, unit] = / (ms|bytes|ns)$/.exec(title) ?? [];
  const short = { ms: f.duration, bytes: f.bytes, ns: f.nanos }[unit ?? ''];
  const value = exact(title);
  // A fraction of a millisecond has more digits in the value than in the title.
  if (short && value !== undefined && Number.isInteger(value)) expect(text).toBe(short(value));
}

/** In the page: until so many rows are there, or not for a while. Cheaper than to read what is still on its way. */
async function arrival({ label, total }: { label: string; total: number }): Promise<void> {
  for (let frames = 0; frames < 60; frames++) {
    const grid = document.querySelector(`[role=grid][aria-label="${label}"]`);
    if (!grid && frames > 2) return;
    if (grid?.ariaBusy === 'false' && grid.ariaRowCount === String(total + 1) && !grid.querySelector('.waiting')) return;
    await new Promise((done) => requestAnimationFrame(done));
  }
}

/** In the page. Rows that are fetched still have no cells. */
function readTable(label: string): Rows | undefined {
  const first = (e: Element | null) => [...(e?.childNodes ?? [])].find((n) => n.nodeType === Node.TEXT_NODE && n.textContent?.trim())?.textContent?.trim();
  const cell = (e: Element): Cell => ({
    // Behind the name of a row there may be its help.
    text: ((e.tagName === 'TH' && first(e)) || (e.textContent ?? '')).replace(/\s+/g, ' ').trim(),
    titles: [...e.querySelectorAll('[title]')].map((t) => t.getAttribute('title') ?? ''),
    numbers: [...e.querySelectorAll('.num[title]')].map((t) => ({ title: t.getAttribute('title') ?? '', text: t.textContent ?? '' })),
  });
  const box = [...document.querySelectorAll('[role=grid], table, [role=region] table')].find((e) => (e.getAttribute('aria-label') ?? e.parentElement?.getAttribute('aria-label')) === label);
  if (!box) return undefined;
  const plain = box.tagName === 'TABLE';
  const heads = [...box.querySelectorAll(plain ? 'thead th' : '[role=columnheader]')].map((h) => (plain ? first(h) : h.querySelector('.clip')?.textContent) ?? '');
  const lines = [...box.querySelectorAll(plain ? 'tbody tr, tfoot tr' : '.table-rows > [role=row]')];
  const rows = lines.filter((line) => !line.classList.contains('waiting')).map((line) => {
    const cells = [...line.querySelectorAll(plain ? ':scope > th, :scope > td' : ':scope > [role=gridcell]')];
    return Object.fromEntries(cells.map((e, at) => [heads[at] ?? String(at), cell(e)]));
  });
  return { total: plain ? rows.length : Number(box.getAttribute('aria-rowcount')) - 1, rows };
}

/** In the page. */
function readFacts(section: string): Record<string, Cell> {
  const first = (e: Element | null) => [...(e?.childNodes ?? [])].find((n) => n.nodeType === Node.TEXT_NODE && n.textContent?.trim())?.textContent?.trim();
  const box = [...document.querySelectorAll('.section, .panel')].find((s) => (s.querySelector('h2')?.textContent ?? '').replace(/\s+/g, ' ').trim() === section);
  const found: Record<string, Cell> = {};
  for (const fact of box?.querySelectorAll('.facts > div') ?? []) {
    const value = fact.querySelector('dd');
    if (!value) continue;
    found[first(fact.querySelector('dt')) ?? ''] = {
      text: (value.textContent ?? '').replace(/\s+/g, ' ').trim(),
      titles: [...value.querySelectorAll('[title]')].map((t) => t.getAttribute('title') ?? ''),
      numbers: [...value.querySelectorAll('.num[title]')].map((t) => ({ title: t.getAttribute('title') ?? '', text: t.textContent ?? '' })),
    };
  }
  return found;
}
