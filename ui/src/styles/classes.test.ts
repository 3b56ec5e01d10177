import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** Styles of all pages end up in one document: a class that two files define means something else after a look at another page. */
it('every class is defined in one file', () => {
  const files = new Map<string, Set<string>>();
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.css'))) {
    for (const name of defined(readFileSync(`src/${file}`, 'utf8'))) files.set(name, (files.get(name) ?? new Set()).add(file));
  }
  expect(files.size).toBeGreaterThan(100);
  expect([...files].filter(([, of]) => of.size > 1).map(([name, of]) => `.${name}: ${[...of].join(', ')}`)).toEqual([]);
});

/** Classes that are a rule's whole selector; `.page .note` and `&.fail` only refine. */
function defined(css: string): string[] {
  const rules = css.replace(/\/\*.*?\*\//gs, '').match(/^[.\w][^{}@;]*(?=\{)/gm) ?? [];
  return rules.flatMap((rule) => rule.split(',')).flatMap((selector) => /^\.([\w-]+)$/.exec(selector.trim())?.[1] ?? []);
}
