import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server as HttpServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Incident, IncidentDetail } from '../src/api/incidents';
import type { IncidentRemediation, Remediation, RuleRecord, Sought } from '../src/api/remediation';
import { complaints, launch, openAt, settled, violations } from './browser';
import { type Act, type Case, type Converse, converse } from './converse';
import { demo, type Server } from './server';

/** Remediation on the pages, over an Afterglow that asks a server which speaks Bedrock's wire format, and calls a real webhook. */

const API = '/api/afterglow/v1';
let bedrock: Converse;
let hook: HttpServer;
let server: Server;
let browser: Browser;
/** What the webhook got. */
const hooked: unknown[] = [];

/** What the model says about each rule. */
function act({ rule, passages }: Case): Act {
  const passage = passages.find((p) => p.title.includes('House rules')) ?? passages[0];
  switch (rule) {
    case 'gc-pressure':
      return {
        advise: {
          cause: { text: 'The heap is small for what its tasks hold.', cites: ['e1', 'e2'] },
          steps: [
            { text: 'Ask the platform team for a larger pool first.', cites: [passage?.id] },
            { text: 'A claim without ground.', cites: ['e99'] },
            { text: 'Another one.', cites: [] },
          ],
          settings: [
            { key: 'spark.executor.memory', value: '6g', why: 'room for the collector', cites: ['e2'] },
            { key: 'spark.sql.shuffle.partitions', value: '400', why: 'smaller tasks', cites: ['e1'] },
            { key: 'spark.redaction.regex', value: 'nothing', why: 'the log says so', cites: ['e1'] },
          ],
        },
      };
    case 'driver-lost':
      return { slow: 10_000 };
    case 'application-failed':
      return { advise: { cause: { text: 'Made up.', cites: ['e77'] }, steps: [], settings: [] } };
    default:
      return { status: 403, type: 'AccessDeniedException', message: 'no access to this model' };
  }
}

const get = async <T>(path: string): Promise<T> => {
  const answer = await fetch(server.url + API + path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
};

async function eventually<T>(read: () => Promise<T | undefined>, what: string | (() => string)): Promise<T> {
  const until = Date.now() + 90_000;
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`there was no ${typeof what === 'string' ? what : what()}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

const ofRule = (rule: string, app?: string) =>
  eventually(async () => (await get<{ incidents: Incident[] }>(`/incidents?length=1000&rule=${rule}`)).incidents.find((i) => app === undefined || i.app_name === app), `incident of ${rule}`);
function standing(id: number, wanted: string): Promise<IncidentRemediation> {
  let last: IncidentRemediation | undefined;
  const read = async () => {
    last = await get<IncidentRemediation>(`/incidents/${id}/remediation`);
    return last.standing === wanted ? last : undefined;
  };
  return eventually(read, () => `incident ${id} that is ${wanted}: it is ${last?.standing}: ${last?.advice?.why}`);
}

/** A job that collects garbage for nearly half of its time, and the same with more memory a day later: made of a log of the demo. */
async function runs(): Promise<{ folder: string; first: string; second: string }> {
  const sources = await get<{ url: string }[]>('/sources');
  const folder = fileURLToPath(sources.find((s) => s.url.endsWith('/science'))?.url ?? '');
  const id = 'app-20261121002749-0000';
  const text = (await readFile(`${folder}/${id}`, 'utf8')).replaceAll('"App Name":"executor metrics"', '"App Name":"nightly load"');
  const slow = text.split('\n').map((line) => {
    const time = /"Executor Run Time":(\d+)/.exec(line)?.[1];
    if (time === undefined) return line;
    return line.replace(/"Executor Run Time":\d+/, `"Executor Run Time":${Number(time) * 100}`).replace(/"JVM GC Time":\d+/, `"JVM GC Time":${Number(time) * 45}`);
  });
  const stamps = /("(?:Timestamp|timestamp|time|Submission Time|Completion Time|Launch Time|Finish Time)":)(\d{13})/g;
  const later = text.replace(stamps, (_, name: string, at: string) => `${name}${Number(at) + 86_400_000}`);
  const set = (log: string, memory: string) => log.replace('"Spark Properties":{', `"Spark Properties":{"spark.executor.memory":"${memory}",`);
  const named = (log: string, to: string) => log.replaceAll(id, to);
  return { folder, first: set(named(slow.join('\n'), 'app-20261121010000-0001'), '2g'), second: set(named(later, 'app-20261122010000-0002'), '4g') };
}

beforeAll(async () => {
  bedrock = await converse(act);
  hook = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      hooked.push(JSON.parse(body));
      response.end('the pool was enlarged');
    });
  });
  await new Promise<void>((done) => hook.listen(0, '127.0.0.1', done));
  const address = hook.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const action = (name: string, more: string) => `[[action]]\nname = "${name}"\nkind = "webhook"\ntarget = "http://127.0.0.1:${port}/secret-word"\nrules = ["gc-pressure"]\nparameters = { job = "{app_name}" }\n${more}\n`;
  const books = await runbooks();
  server = await demo(
    `[postgres]\nlisten = "off"\n[remediation]\nenabled = true\nregion = "eu-central-1"\nendpoint_url = "${bedrock.url}"\nrunbooks = "${books}"\n` +
      'timeout = "2s"\ndeadline = "3s"\nattempts = 3\nbreaker_failures = 0\ninput_price = 0.00006\noutput_price = 0.00024\nmoney_per_day = 1.0\n' +
      action('enlarge-pool', 'dry_run = false') + action('tell-owner', 'per_hour = 1') + action('note-it', 'automatic = ["gc-pressure"]'),
    { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' },
  );
  browser = await launch();
  const { folder, first, second } = await runs();
  await writeFile(`${folder}/app-20261121010000-0001`, first);
  const { id } = await ofRule('gc-pressure', 'nightly load');
  await standing(id, 'advised');
  await writeFile(`${folder}/app-20261122010000-0002`, second);
  await eventually(async () => ((await get<IncidentRemediation>(`/incidents/${id}/remediation`)).follow_up.length > 0 ? true : undefined), 'follow-up');
}, 180_000);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  bedrock?.close();
  hook?.close();
});

async function runbooks(): Promise<string> {
  const { mkdtemp } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const folder = await mkdtemp(`${tmpdir()}/afterglow-runbooks-`);
  await writeFile(`${folder}/gc-pressure.md`, '# House rules\n\nFor garbage collection pressure ask the platform team for a larger pool first.\n');
  return folder;
}

/** Opens, looks for complaints, and gives both. */
async function visit(path: string, theme: 'light' | 'dark' = 'light'): Promise<{ context: BrowserContext; page: Page; complained: string[] }> {
  const context = await openAt(browser, server.url, theme);
  const page = await context.newPage();
  const complained = complaints(page);
  await page.goto(path);
  await settled(page);
  return { context, page, complained };
}

const section = (page: Page, title: string) => page.locator('section.section', { has: page.getByRole('heading', { level: 2, name: title, exact: true }) });

it('shows advice with what it cites, what was asked, how later runs did, and takes what people say', { timeout: 90_000 }, async () => {
  const incident = await ofRule('gc-pressure', 'nightly load');
  const told = await standing(incident.id, 'advised');
  const detail = await get<IncidentDetail>(`/incidents/${incident.id}`);
  const { context, page, complained } = await visit(`/incidents/${incident.id}`);
  const advice = section(page, 'Advice');
  // The rule's settings, and the model's: each with what is in force.
  for (const key of ['spark.executor.memory', 'spark.sql.shuffle.partitions']) expect(await advice.locator('.found-setting code', { hasText: key }).count()).toBeGreaterThan(0);
  expect(await advice.innerText()).toContain('The heap is small for what its tasks hold.');
  expect(await advice.innerText()).toContain('3 more claims left out: 1 about a setting that is not on the list, 1 cites nothing, 1 cites what is not there.');
  expect(await advice.innerText()).not.toContain('spark.redaction.regex');
  // Evidence leads to its page, a passage opens.
  const cited = told.advice?.cited ?? [];
  const evidence = detail.finding?.evidence.find((e) => e.name === cited.flatMap((c) => ('name' in c ? [c.name] : []))[1]);
  const link = advice.locator('a.remedy-cite', { hasText: evidence?.name ?? '?' }).first();
  expect(await link.getAttribute('href')).toMatch(/^\/apps\/science\/app-20261121010000-0001/);
  await advice.locator('button.remedy-cite').first().click();
  const passage = page.locator('.popover:popover-open');
  await passage.getByText('ask the platform team for a larger pool first').waitFor();
  await page.keyboard.press('Escape');
  // What it took: as REST counts it.
  expect(await advice.innerText()).toMatch(/amazon\.nova-lite-v1:0[\s\S]*1 request[\s\S]*1,200\s*tokens/);
  await advice.getByText('What was asked (1 request)').click();
  const regions = advice.locator('.remedy-call pre');
  expect(await regions.nth(0).innerText()).toContain('You advise engineers who run Apache Spark.');
  await page.getByRole('button', { name: 'Copy as SET: 1 of 2 settings can be changed in a session' }).click();
  // The next run had the memory, and no garbage.
  const outcome = told.follow_up[0];
  expect([outcome?.verdict, outcome?.changed[0]?.key, outcome?.changed[0]?.after]).toEqual(['worked', 'spark.executor.memory', '4g']);
  const line = advice.locator('.incident-events > li').first();
  expect(await line.innerText()).toMatch(/worked in app-20261122010000-0002, after app-20261121010000-0001 \(this run\)/);
  expect(await line.locator('a').first().getAttribute('href')).toBe('/apps/science/app-20261122010000-0002');

  await page.getByLabel('Your name').first().fill('ada');
  await advice.getByRole('button', { name: 'How did it turn out?' }).last().click();
  const form = page.locator('.popover:popover-open');
  await form.getByRole('radio', { name: 'No effect' }).click();
  await form.getByLabel('What happened').fill('the same <time>');
  await form.getByRole('button', { name: 'Say so' }).click();
  const said = await eventually(async () => (await get<IncidentRemediation>(`/incidents/${incident.id}/remediation`)).feedback[0], 'feedback');
  expect([said.about, said.verdict, said.by, said.comment]).toEqual(['model', 'no effect', 'ada', 'the same <time>']);
  await page.waitForFunction(() => document.querySelector('.remedy-said p')?.textContent?.includes('the same <time>'));
  await page.keyboard.press('Escape');
  expect(await violations(page)).toEqual([]);
  expect(complained).toEqual([]);
  await context.close();
});

it('says plainly why there is no advice, and asks again', { timeout: 120_000 }, async () => {
  for (const [rule, wanted, title, calls] of [
    ['job-failed', 'failed', 'No answer: Bedrock refuses the request', true],
    ['application-failed', 'ungrounded', 'An answer, and nothing of it could be backed', true],
    ['driver-lost', 'deadline', 'No answer before the deadline', true],
  ] as const) {
    const { id } = await ofRule(rule);
    await standing(id, wanted);
    const { context, page, complained } = await visit(`/incidents/${id}`, 'dark');
    const advice = section(page, 'Advice');
    expect(await advice.innerText()).toContain(title);
    expect(await advice.getByText(/What was asked/).count()).toBe(calls ? 1 : 0);
    expect(complained).toEqual([]);
    await context.close();
  }
  const { id } = await ofRule('job-failed');
  const before = (await standing(id, 'failed')).calls.length;
  const { context, page } = await visit(`/incidents/${id}`);
  await page.getByLabel('Your name').first().fill('ada');
  await page.getByRole('button', { name: 'Ask again' }).click();
  await eventually(async () => ((await get<IncidentRemediation>(`/incidents/${id}/remediation`)).calls.length > before ? true : undefined), 'second request');
  const { events } = await get<IncidentDetail>(`/incidents/${id}`);
  expect(events.filter((e) => e.by === 'ada').map((e) => e.text)).toEqual(['asks for advice of a model']);
  await context.close();
});

it('says that it is off, over budget, or left alone', { timeout: 300_000 }, async () => {
  const down = await converse(() => ({ status: 503, type: 'ServiceUnavailableException', message: 'down' }));
  const base = `[postgres]\nlisten = "off"\n[remediation]\nregion = "eu-central-1"\nattempts = 1\nendpoint_url = "${down.url}"\n`;
  for (const { settings, wanted, title, overview } of [
    { settings: 'enabled = false\n', wanted: 'off', title: 'No model is asked', overview: 'No model is asked' },
    { settings: 'enabled = true\ntokens_per_day = 0\n', wanted: 'budget', title: 'Not asked: over budget: the budget of tokens of the day is used up', overview: 'Over budget' },
    { settings: 'enabled = true\nbreaker_failures = 1\nbreaker_pause = "10m"\n', wanted: 'breaker', title: 'Nobody is asked until', overview: 'left alone' },
  ]) {
    const other = await demo(base + settings, { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' });
    const at = async <T>(path: string) => (await (await fetch(other.url + API + path)).json()) as T;
    const found = await eventually(async () => {
      for (const { id } of (await at<{ incidents: Incident[] }>('/incidents?severity=warning')).incidents) {
        if ((await at<IncidentRemediation>(`/incidents/${id}/remediation`)).standing === wanted) return id;
      }
      return undefined;
    }, `incident that is ${wanted}`);
    const context = await openAt(browser, other.url, 'light');
    const page = await context.newPage();
    const complained = complaints(page);
    await page.goto(`/incidents/${found}`);
    await settled(page);
    expect(await section(page, 'Advice').innerText()).toContain(title);
    await page.goto('/incidents?view=remediation');
    await settled(page);
    expect(await page.locator('main').innerText()).toContain(overview);
    expect(await violations(page)).toEqual([]);
    expect(complained).toEqual([]);
    await context.close();
    await other.stop();
  }
  down.close();
});

it('has actions approved with a reason, refused, and run by themselves, each step with who', { timeout: 90_000 }, async () => {
  const { id } = await ofRule('gc-pressure', 'nightly load');
  const actions = () => get<IncidentRemediation>(`/incidents/${id}/remediation`).then((r) => r.actions);
  await eventually(async () => ((await actions()).length === 3 ? true : undefined), 'three proposals');
  const { context, page, complained } = await visit(`/incidents/${id}`);
  const one = (name: string) => page.locator(`article[aria-label="${name}"]`);
  expect(await one('note-it').innerText()).toContain('dry run: nothing was sent');
  expect(await one('note-it').innerText()).toContain('automatic for this rule');
  expect(await one('enlarge-pool').innerText()).toContain('0 of 3 within the hour');
  // The address is the secret of a webhook.
  expect(await page.locator('main').innerText()).not.toContain('secret-word');
  await page.getByLabel('Your name').first().fill('ada');

  await one('enlarge-pool').getByRole('button', { name: 'Approve' }).click();
  const sure = page.locator('.popover:popover-open');
  await sure.getByText('cannot be taken back').waitFor();
  expect(await sure.getByRole('button', { name: 'Run it now' }).isDisabled()).toBe(true);
  expect(hooked).toEqual([]);
  await sure.getByLabel('Why').fill('it is stuck');
  await sure.getByRole('button', { name: 'Run it now' }).click();
  const ran = await eventually(async () => (await actions()).find((a) => a.action === 'enlarge-pool' && a.state === 'done'), 'run');
  expect([ran.by, ran.comment, ran.reply, hooked]).toEqual(['ada', 'it is stuck', 'the pool was enlarged', [ran.request]]);
  await page.waitForFunction(() => document.querySelector('article[aria-label="enlarge-pool"]')?.textContent?.includes('the pool was enlarged'));
  expect(await one('enlarge-pool').innerText()).toMatch(/approved by ada[\s\S]*it is stuck/);
  expect(await one('enlarge-pool').innerText()).toContain('1 of 3 within the hour');

  await one('tell-owner').getByRole('button', { name: 'Refuse' }).click();
  const no = page.locator('.popover:popover-open');
  await no.getByLabel('Why').fill('no need');
  await no.getByRole('button', { name: 'Refuse' }).click();
  await eventually(async () => (await actions()).find((a) => a.action === 'tell-owner' && a.state === 'refused' && a.comment === 'no need'), 'refusal');
  await page.waitForFunction(() => document.querySelector('article[aria-label="tell-owner"]')?.textContent?.includes('refused by ada'));
  expect(await violations(page)).toEqual([]);
  expect(complained).toEqual([]);
  await context.close();
});

it('has an overview that says what REST says', { timeout: 90_000 }, async () => {
  // Nothing is asked any more once everything has its answer.
  await eventually(async () => ((await get<Sought[]>('/remediation/advice')).every((s) => s.state !== 'asking' && s.state !== 'queued') ? true : undefined), 'end of asking');
  const state = await get<Remediation>('/remediation');
  const advice = await get<Sought[]>('/remediation/advice');
  const records = await get<RuleRecord[]>('/remediation/records');
  for (const theme of ['light', 'dark'] as const) {
    const { context, page, complained } = await visit('/incidents?view=remediation', theme);
    const budget = section(page, 'Model and budgets of today');
    expect(await budget.innerText()).toContain(state.spent_today.tokens?.toLocaleString('en-US'));
    expect(await budget.innerText()).toContain(`${state.calls_today.total}`);
    expect(await budget.innerText()).toContain('is asked');
    expect(await page.locator('table[aria-label="Newest advice"] tbody tr').count()).toBe(advice.length);
    const row = page.locator('table[aria-label="Newest advice"] tbody tr', { hasText: 'gc-pressure' }).last();
    expect(await row.innerText()).toMatch(/Advised[\s\S]*4 of 7[\s\S]*1,200[\s\S]*worked/);
    const lines = records.reduce((all, r) => all + 1 + r.settings.length, 0);
    expect(await page.locator('table[aria-label="How advice turned out"] tbody tr').count()).toBe(lines);
    const knowledge = section(page, 'Knowledge base');
    expect(await knowledge.innerText()).toMatch(/afterglow-runbooks-[\s\S]*gc-pressure\.md/);
    expect(await page.locator('table[aria-label="Actions"] tbody tr').count()).toBe(3);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
    expect(await violations(page)).toEqual([]);
    expect(complained).toEqual([]);
    await context.close();
  }
});
