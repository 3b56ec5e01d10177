// What a visit costs, in Chromium: browser.mjs PLAN, where PLAN is JSON {task: "visit" | "scroll", of, url, …}. Prints JSON.
// Times are the page's own: from the start of its navigation to the frame in which something is there.
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../../ui/package.json', import.meta.url))('playwright-core');
/** Longer than this nobody waits; what is not there by then is null. */
const PATIENCE = 240_000;

/** In the page. Each knows when rows are shown, how to sort them, and when they are sorted: the first row is another element then. */
function probe(of) {
  const grid = (label) => {
    const box = () => document.querySelector(`[role=grid][aria-label="${label}"]`);
    const rows = () => [...(box()?.querySelectorAll('.table-rows > .table-row:not(.waiting)') ?? [])];
    const head = () => [...(box()?.querySelectorAll('[role=columnheader]') ?? [])].find((h) => h.querySelector('.clip')?.textContent === 'Duration');
    return {
      rows: () => rows().length,
      first: () => rows()[0],
      sort: () => head()?.querySelector('button')?.click(),
      sorted: () => head()?.ariaSort === 'descending' && box()?.ariaBusy === 'false',
    };
  };
  const dataTable = (id) => {
    const rows = () => [...document.querySelectorAll(`#${id} tbody tr`)].filter((row) => row.cells.length > 1);
    const head = () => [...document.querySelectorAll(`#${id} thead th`)].find((h) => h.textContent.trim() === 'Duration');
    return { rows: () => rows().length, first: () => rows()[0], sort: () => head()?.click(), sorted: () => /sort(ing)?_(asc|desc)/.test(head()?.className ?? '') || /ending/.test(head()?.ariaSort ?? '') };
  };
  const shown = (selector) => ({ rows: () => document.querySelectorAll(selector).length });
  const pages = {
    applications: () => grid('Applications'),
    tasks: () => grid('Tasks of the stage'),
    summary: () => shown('[aria-label="Quantiles of the tasks"] tbody tr'),
    'shs applications': () => dataTable('history-summary-table'),
    'shs tasks': () => dataTable('active-tasks-table'),
    'shs summary': () => shown('#summary-metrics-table tbody tr td'),
  };
  const page = pages[of]();
  const at = (globalThis.afterglowBench = {});
  let before;
  const look = () => {
    const now = performance.now();
    if (at.rows === undefined) {
      if (page.rows() > 0) {
        at.rows = now;
        before = page.first?.();
        if (page.sort) page.sort();
        else at.done = now;
      }
    } else if (page.sorted() && page.rows() > 0 && page.first() !== before) at.done = now;
    if (at.done === undefined) requestAnimationFrame(look);
  };
  if (window.top === window) requestAnimationFrame(look);
}

async function visit(browser, { of, url, visits = 1 }) {
  // One context is one browser: its first visit has an empty cache.
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const found = [];
  for (let n = 0; n < visits; n++) {
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE);
    const bytes = await counted(context, page);
    await page.addInitScript(probe, of);
    await page.goto(url, { waitUntil: 'commit', timeout: PATIENCE });
    const there = (what) => page.waitForFunction((key) => globalThis.afterglowBench?.[key] !== undefined, what, { polling: 50 }).then(() => true, () => false);
    const came = await there('rows');
    const shown = bytes();
    const all = came && (await there('done'));
    const { rows = null, done = null } = came ? await page.evaluate(() => globalThis.afterglowBench) : {};
    found.push({ rows, done, ...shown });
    await page.close();
    if (!all) break;
  }
  await context.close();
  return found;
}

/** What came over the wire, as the page asked for it. */
async function counted(context, page) {
  const session = await context.newCDPSession(page);
  const kinds = new Map();
  const sizes = {};
  await session.send('Network.enable');
  session.on('Network.responseReceived', ({ requestId, type }) => kinds.set(requestId, type));
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId) ?? 'Other';
    sizes[kind] = (sizes[kind] ?? 0) + encodedDataLength;
  });
  return () => ({ bytes: Object.values(sizes).reduce((a, b) => a + b, 0), sizes: { ...sizes } });
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const at = (values, share) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * share))];

/** The wheel turns for three seconds; frames are counted by their own times. */
async function scroll(browser, { of, url, ms = 3000, step = 240 }) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(url);
  const box = page.locator(of === 'tasks' ? '[aria-label="Tasks of the stage"]' : '[aria-label="Applications"]');
  await box.locator('.table-rows > .table-row:not(.waiting)').first().waitFor();
  await page.waitForLoadState('networkidle');
  const { x, y, width, height } = await box.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await box.evaluate((element) => {
    const seen = (globalThis.afterglowFrames = { times: [], waiting: 0, from: element.scrollTop });
    const frame = (now) => {
      seen.times.push(now);
      // Rows in view without data; those above and below do not count.
      const { top, bottom } = element.getBoundingClientRect();
      if ([...element.querySelectorAll('.waiting')].some((row) => row.getBoundingClientRect().bottom > top && row.getBoundingClientRect().top < bottom)) seen.waiting += 1;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const until = Date.now() + ms;
  while (Date.now() < until) {
    await page.mouse.wheel(0, step);
    await page.waitForTimeout(8);
  }
  const { times, waiting, rows } = await box.evaluate((element) => ({ ...globalThis.afterglowFrames, rows: Math.round((element.scrollTop - globalThis.afterglowFrames.from) / 32) }));
  await context.close();
  const gaps = times.slice(1).map((t, n) => t - times[n]);
  return { fps: (gaps.length * 1000) / (times.at(-1) - times[0]), median: at(gaps, 0.5), p95: at(gaps, 0.95), worst: Math.max(...gaps), waiting: waiting / times.length, rows };
}

const plan = JSON.parse(process.argv[2]);
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args });
console.log(JSON.stringify(await { visit, scroll }[plan.task](browser, plan)));
await browser.close();
