import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { launch, open, settled, type Theme } from './browser';
import { places } from './places';

/** A picture of every page in both themes and two widths, for people to look at: `make screenshots`. */
it('takes pictures', { timeout: 600_000 }, async () => {
  const folder = process.env.TO ?? '/tmp/afterglow-screenshots';
  await mkdir(folder, { recursive: true });
  const all = await places();
  const browser = await launch();
  const unsettled: string[] = [];
  for (const theme of ['light', 'dark'] satisfies Theme[]) {
    for (const width of [1440, 760]) {
      const context = await open(browser, theme, width);
      for (const { name, path } of all) {
        const page = await context.newPage();
        await page.goto(path);
        await settled(page).catch(() => unsettled.push(path));
        await page.screenshot({ path: join(folder, `${name}-${theme}-${width}.png`) });
        await page.close();
      }
      await context.close();
    }
  }
  await browser.close();
  console.log(`${all.length * 4} pictures in ${folder}`);
  expect(unsettled).toEqual([]);
});
