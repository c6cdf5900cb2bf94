/**
 * Does the page choke? A server with 1,000,000 tasks in an SQLite file (`TASKS`; 45 in 100 of them or more done, some failed, 10 wait for a day, the rest is queued)
 * and 1,000 clients that run four tasks each, its page in Chromium: from a click or a key to what it shows, several times each. Bar: a second. Run
 * after `npm run build`.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { ClientThread, ServerThread } from '../dist/index.js';
import { module } from './contestants.mjs';
import { argument, median, packageVersions, quick, round, show, showBars } from './harness.mjs';
import { auth, SimulatedClient } from './simulated-clients.mjs';

const total = Number(process.env.TASKS ?? (quick ? 100_000 : 1_000_000));
const clients = quick ? 100 : 1_000;
const rounds = Number(argument('rounds') ?? (quick ? 1 : 5));
const program = '/usr/bin/chromium';
const longestMs = 30_000;

const site = (i) => ['north', 'south', 'east', 'west'][i % 4];
const tags = (i) => ({ site: site(i), sample: i, run: `run-${i % 1_000}` });

/** Tasks in all states, a tag that all have, one that a thousandth has and one of each its own. */
async function fill(server) {
  const ended = total * 0.45;
  function* tasks() {
    for (let i = 0; i < ended; i++) yield { module, name: i % 50 === 0 ? 'absent' : 'nothing', args: [i], tags: tags(i) };
    for (let i = ended; i < total * 0.55; i++) yield { args: `echo ${i}`, group: 2, startAfter: '1d', tags: { ...tags(i), later: true } };
    for (let i = total * 0.55; i < total; i++) yield { args: `true --input /data/sample-${i}.fastq`, group: 1, tags: tags(i) };
  }
  await server.submit(tasks());
  const client = await ClientThread.new({ address: server.address, auth, numTasks: 2 });
  for (let done = 0; done < ended; await sleep(50)) {
    const { succeeded, failed } = await server.progress();
    done = succeeded + failed;
  }
  await client.stop();
}

/** What is measured: from `act` until `shown` holds in the page; `before` puts things in their place. */
function steps(page) {
  const tag = page.getByPlaceholder('key or key:value');
  const first = `document.querySelector('#list tbody tr')`;
  const row = (text) => `${first}?.textContent.includes(${JSON.stringify(text)}) === true && !document.querySelector('[aria-busy]')`;
  const empty = `document.querySelector('#list .empty')?.checkVisibility() === true && !document.querySelector('[aria-busy]')`;
  /** In the list of all tasks, and then there. */
  const after = (act) => async () => {
    await reset();
    await act();
  };
  const reset = async () => {
    await page.goto('about:blank');
    await page.goto(page.home);
    await page.locator('select').selectOption('all');
    await page.waitForFunction(row(`sample-${total - 1}.`), undefined, { timeout: longestMs });
  };
  const search = async (field, text) => {
    await field.fill(text);
    await page.keyboard.press('Enter');
  };
  const choose = (kind) => page.locator('select').selectOption(kind);
  const where = page.locator('#search');
  const click = (name) => page.getByRole('button', { name, exact: true }).click();
  const lastFailed = Math.floor((total * 0.45 - 1) / 50) * 50;
  return [
    {
      what: 'the page, from its address to its first list',
      before: () => page.goto('about:blank'),
      act: () => page.goto(page.home),
      shown: `${first} !== null`,
    },
    { what: 'the next page of all tasks', before: reset, act: () => click('Older'), shown: row(`sample-${total - 51}.`) },
    {
      what: 'the newest that failed, behind all that is queued',
      before: reset,
      act: () => choose('failed'),
      shown: row(`sample: ${lastFailed}`),
    },
    { what: 'those that were lost: none', before: reset, act: () => choose('lost'), shown: empty },
    { what: 'those that run', before: reset, act: () => choose('running'), shown: row('running') },
    { what: 'those that wait', before: reset, act: () => choose('waiting'), shown: row('waiting') },
    {
      what: 'a tag that every fourth has',
      before: reset,
      act: () => search(tag, `site:${site(total - 2)}`),
      shown: row(`sample-${total - 2}.`),
    },
    { what: 'a tag that a thousandth has', before: reset, act: () => search(tag, 'run:run-77'), shown: row(`sample-${total - 923}.`) },
    { what: 'a tag that none has', before: reset, act: () => search(tag, 'run:none'), shown: empty },
    { what: 'tag.sample == 4711', before: reset, act: () => search(where, 'tag.sample == 4711'), shown: row('sample: 4711') },
    { what: 'args ~ sample-99.*7[.]', before: reset, act: () => search(where, 'args ~ sample-99.*7[.]'), shown: row('7.fastq') },
    { what: 'duration > 1h: none', before: reset, act: () => search(where, 'duration > 1h'), shown: empty },
    {
      what: 'a task, from Enter to its output',
      before: after(() => page.keyboard.press('j')),
      act: () => page.keyboard.press('Enter'),
      shown: `document.querySelector('#detail').open && document.querySelector('#detail dl') !== null`,
    },
    {
      what: 'the next row, by a key',
      before: after(() => page.keyboard.press('j')),
      act: () => page.keyboard.press('j'),
      shown: `document.activeElement === document.querySelectorAll('#list tbody tr')[1]`,
    },
    {
      what: 'the clients, by a key',
      before: reset,
      act: () => page.keyboard.press('c'),
      shown: `document.querySelector('#list td.mono') !== null && ${first}.textContent.includes('bench')`,
    },
    {
      what: 'the clients by how many tasks they hold',
      before: after(async () => {
        await page.keyboard.press('c');
        await page.locator('#list td.mono').first().waitFor();
      }),
      act: () => click('Leased'),
      shown: `document.querySelector('th[data-order="leased"]').getAttribute('aria-sort') === 'descending'`,
    },
    {
      what: 'how many a tag names, before they are cancelled',
      before: after(async () => {
        await search(tag, 'later');
        await page.waitForFunction(row('later'));
      }),
      act: () => click('Cancel all of these'),
      shown: `document.querySelector('#ask').open`,
      after: () => click('Not now'),
    },
  ];
}

/** The tasks of one tag that no other round has had, from the click to their end. */
async function cancelTag(page, server, run) {
  const before = (await server.progress()).cancelled;
  await page.goto(page.home);
  await page.locator('select').selectOption('ready');
  await page.getByPlaceholder('key or key:value').fill(`run:${run}`);
  await page.keyboard.press('Enter');
  await page.locator('#list tbody tr', { hasText: run }).first().waitFor({ timeout: longestMs });
  await page.getByRole('button', { name: 'Cancel all of these' }).click();
  const yes = page.locator('#ask [data-yes]');
  await yes.waitFor({ timeout: longestMs });
  const began = performance.now();
  await yes.click();
  await page.locator('#list .empty').waitFor({ timeout: longestMs });
  const ms = performance.now() - began;
  return { ms, cancelled: (await server.progress()).cancelled - before };
}

async function measure() {
  if (!existsSync(program)) throw new Error('Chromium is missing; install it: apt-get install -y chromium');
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-dashboard-'));
  const server = await ServerThread.new({
    address: 'localhost:0',
    auth,
    database: join(folder, 'tasks.db'),
    foreverMode: true,
    continueOnFailure: true,
    http: { address: 'localhost:0' },
  });
  const joined = [];
  const browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
  try {
    await fill(server);
    for (let i = 0; i < clients; i++) joined.push(await SimulatedClient.join(server, { slots: 4, lasting: () => 1e9 }));
    while ((await server.progress()).running < clients * 4) await sleep(20);
    const page = await browser.newPage({ bypassCSP: true });
    page.home = `http://localhost:${server.httpAddress.port}/`;
    const rows = [];
    for (const { what, before, act, shown, after = () => {} } of steps(page)) {
      const times = [];
      // The first one is of a server that has never done it, and not counted.
      for (let turn = 0; turn <= rounds; turn++) {
        await before();
        const began = performance.now();
        await act();
        await page.waitForFunction(shown, undefined, { timeout: longestMs });
        times.push(performance.now() - began);
        await after();
      }
      rows.push({
        what,
        'median ms': Math.round(median(times.slice(1))),
        'longest ms': Math.round(Math.max(...times)),
        times: times.map((ms) => round(ms, 1)),
      });
      console.error(`${what}: ${rows.at(-1)['median ms']} ms`);
    }
    const cancels = [];
    for (let turn = 0; turn < rounds; turn++) cancels.push(await cancelTag(page, server, `run-${turn}`));
    const times = cancels.map(({ ms }) => ms);
    rows.push({
      what: `${median(cancels.map(({ cancelled }) => cancelled))} queued tasks of a tag cancelled`,
      'median ms': Math.round(median(times)),
      'longest ms': Math.round(Math.max(...times)),
      times: times.map((ms) => round(ms, 1)),
    });
    show(
      'dashboard',
      rows.map((row) => ({ tasks: total, clients, ...row })),
      [...packageVersions(['playwright-core', 'libsql']), `Chromium ${browser.version()}`],
    );
    const slowest = rows.reduce((one, other) => (other['median ms'] > one['median ms'] ? other : one));
    showBars('dashboard', [
      {
        what: `ms for the page to show something with ${total.toLocaleString('en')} tasks, slowest median: ${slowest.what}`,
        value: slowest['median ms'],
        most: 1_000,
      },
    ]);
  } finally {
    await browser.close();
    for (const client of joined) client.close();
    await server.stop({ timeout: 5 });
    rmSync(folder, { recursive: true, force: true });
  }
}

await measure();
