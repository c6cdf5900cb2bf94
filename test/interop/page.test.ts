/** The page of a server in a real browser: what it shows, what it does, and that nothing of it is refused by its own policy. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Route } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import type { ServerThread } from '../../dist/index.js';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { joinCrowd } from './crowd.ts';
import { auth, open, poorContrasts, rows, sessionOf, startClient, startServer, withBrowser } from './page-rig.ts';

withBrowser();

it('a running task is seen, and cancelled by a click; another one by the keyboard alone', async () => {
  const server = await startServer();
  await startClient(server);
  const { page, complaints } = await open(server);
  const { ids } = await server.submit(['sleep 600 # first', 'sleep 601 # second']);
  await until(async () => (await rows(page).count()) === 2);
  await until(async () => /[1-9]\d* s/.test((await rows(page).filter({ hasText: '# first' }).textContent()) ?? ''));
  await rows(page).filter({ hasText: '# first' }).getByRole('button', { name: 'Cancel' }).click();
  await until(async () => (await server.tasks.get(ids![0]!))?.outcome === 'cancelled');
  await until(async () => (await rows(page).count()) === 1);
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await until(async () => (await server.tasks.get(ids![1]!))?.outcome === 'cancelled');
  await page.getByText('Nothing runs now.').waitFor();
  await until(async () => (await page.locator('.tile', { hasText: 'cancelled' }).locator('b').textContent()) === '2');
  expect(await page.locator('#link').textContent()).toBe('live');
  expect(complaints).toEqual([]);
});

it('a failed task shows its output as text, whatever stands in it, and is run again', async () => {
  const server = await startServer();
  await startClient(server);
  const trap = '<img src=x onerror="document.title=1">';
  const args = `echo '${trap}' >&2; exit 3`;
  const { ids } = await server.submit([{ args, tags: { site: 'north' } }]);
  await until(async () => (await server.tasks.get(ids![0]!))?.state === 'done');
  const { page, complaints } = await open(server);
  await page.locator('select').selectOption('failed');
  await page.getByPlaceholder('key or key:value').fill('site');
  await page.keyboard.press('Enter');
  await rows(page).first().focus();
  await page.keyboard.press('Enter');
  const dialog = page.locator('#detail');
  await dialog.getByText('exit status').waitFor();
  expect(await dialog.locator('pre').last().textContent()).toBe(`${trap}\n`);
  expect(await page.locator('main img, dialog img').count()).toBe(0);
  await dialog.getByRole('button', { name: 'Retry' }).click();
  await until(async () => (await server.tasks.history(ids![0]!)).length === 2);
  await page.keyboard.press('Escape');
  expect(await page.title()).not.toBe('1');
  expect(complaints).toEqual([]);
});

it('what a running task writes is seen while it runs, and its end when it has ended', async () => {
  const server = await startServer();
  await startClient(server);
  const go = join(temporaryFolder(), 'go');
  await server.submit([
    `echo begun; until test -e ${go}; do sleep 0.05; done; echo over; until test -e ${go}.2; do sleep 0.05; done; exit 3`,
  ]);
  const { page, complaints } = await open(server);
  await rows(page).first().click();
  const dialog = page.locator('#detail');
  await until(async () => (await dialog.locator('pre').nth(1).textContent()) === 'begun\n');
  writeFileSync(go, '');
  await until(async () => (await dialog.locator('pre').nth(1).textContent()) === 'begun\nover\n');
  writeFileSync(`${go}.2`, '');
  await dialog.getByText('exit status').waitFor();
  expect(await dialog.locator('.badge').textContent()).toBe('failed');
  expect(complaints).toEqual([]);
});

it('a condition that is none is said beside the list, and the list stays', async () => {
  const server = await startServer();
  await server.submit(['one']);
  const { page } = await open(server);
  await page.locator('select').selectOption('all');
  await rows(page).first().waitFor();
  await page.locator('#search').fill('oops');
  await page.keyboard.press('Enter');
  await until(async () => /where/.test((await page.locator('.problem:visible').textContent()) ?? ''));
  expect(await rows(page).count()).toBe(1);
});

async function submitOne(server: ServerThread): Promise<void> {
  await server.submit(['one']);
}

async function openSession(server: ServerThread): Promise<void> {
  await sessionOf(server, 'one');
}

it.each([
  ['tasks', 'ready', '**/api/tasks?*', submitOne],
  ['clients', '', '**/api/clients?*', startClient],
  ['sessions', '', '**/api/sessions?*', openSession],
] as const)(
  'a list of %s that takes longer than it is kept is waited for, and not asked again and again',
  async (list, kind, path, fill) => {
    const server = await startServer();
    await fill(server);
    const { page } = await open(server);
    if (kind !== '') await page.locator('select').selectOption(kind);
    await page.clock.install();
    await page.reload();
    const held: Route[] = [];
    await page.getByRole('tab', { name: list === 'tasks' ? 'Clients' : 'Tasks' }).click();
    await page.route(path, (route) => void held.push(route));
    await page.getByRole('tab', { name: new RegExp(list, 'i') }).click();
    if (kind !== '') await page.locator('select').selectOption(kind);
    await until(() => held.at(-1)?.request().url().includes(kind) === true);
    const asked = held.length;
    await page.clock.runFor(20_000);
    expect(held).toHaveLength(asked);
    await held.at(-1)!.continue();
    await rows(page).first().waitFor();
  },
);

it('of two questions the later one is shown, whichever is answered first; a page turned twice before its answer is turned once', async () => {
  const server = await startServer();
  await server.submit(Array.from({ length: 170 }, (_, i) => ({ args: `echo ${i}`, tags: { half: i % 2 ? 'odd' : 'even' } })));
  const { page } = await open(server);
  const first = (): Promise<string | null> => rows(page).first().textContent();
  await page.locator('select').selectOption('all');
  await rows(page).first().waitFor();
  const held: Route[] = [];
  await page.route('**/api/tasks?*tag=half%3Aodd*', (route) => void held.push(route));
  const tag = page.getByPlaceholder('key or key:value');
  await tag.fill('half:odd');
  await page.keyboard.press('Enter');
  await until(() => held.length > 0);
  await tag.fill('half:even');
  await page.keyboard.press('Enter');
  await until(async () => (await first())?.includes('echo 168') === true);
  // It was given up: the browser may know nothing of it any more.
  for (const route of held) await route.continue().catch(() => {});
  await tag.fill('');
  await page.keyboard.press('Enter');
  await until(async () => (await first())?.includes('echo 169') === true);
  await page.evaluate(
    `{ const [older] = [...document.querySelectorAll('button')].filter((one) => one.textContent === 'Older'); older.click(); older.click(); }`,
  );
  await page.getByText('page 2').waitFor();
  expect(await first()).toContain('echo 119');
});

it('a server with keys is seen by whoever has a token', async () => {
  const token = 'a-token-of-many-characters';
  const server = await startServer({ auth: { token } });
  const { page } = await open(server);
  await page.getByLabel('Token').fill('wrong-wrong-wrong-wrong');
  await page.keyboard.press('Enter');
  await page.getByText('The token was refused.').waitFor();
  await page.getByLabel('Token').fill(token);
  await page.keyboard.press('Enter');
  await until(async () => (await page.locator('#link').textContent()) === 'live');
});

it('a thousand clients and a hundred thousand tasks are shown a page at a time, searched, and stay live', async () => {
  const server = await startServer();
  const crowd = await joinCrowd(server.address as { host: string; port: number }, auth, 1_000);
  onTestFinished(() => {
    for (const connection of crowd) connection.destroy();
  });
  await server.submit(Array.from({ length: 100_000 }, (_, i) => ({ args: `echo ${i}`, tags: { sample: i } })));
  const { page, complaints } = await open(server, '#clients');
  await page.getByText('1 to 100 of 1,000').waitFor();
  expect(await rows(page).count()).toBe(100);
  await page.getByRole('button', { name: 'Further' }).click();
  await page.getByText('101 to 200 of 1,000').waitFor();
  await page.getByPlaceholder('host, id or tag').fill('node-0777');
  await page.getByText('1 to 1 of 1').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('t');
  await page.locator('select').selectOption('all');
  await until(async () => (await rows(page).first().textContent())?.includes('echo 99999') === true);
  await page.getByRole('button', { name: 'Older' }).click();
  await until(async () => (await rows(page).first().textContent())?.includes('echo 99949') === true);
  expect(await rows(page).count()).toBe(50);
  await page.locator('#search').fill('tag.sample == 4711');
  await page.keyboard.press('Enter');
  await until(async () => (await rows(page).count()) === 1 && (await rows(page).first().textContent())?.includes('echo 4711') === true);
  // It is live: what comes now is counted without a further load.
  await server.submit(['echo one more']);
  await until(async () => (await page.locator('.tile', { hasText: 'ready' }).locator('b').textContent()) === '100,001');
  expect(complaints).toEqual([]);
});

it.each([
  ['light', 1_280],
  ['dark', 1_280],
  ['light', 390],
] as const)('in %s at a width of %i nothing runs out of the page, and every text is told from its ground', async (colorScheme, width) => {
  const server = await startServer();
  await startClient(server);
  const long = `echo ${'x'.repeat(300)}`;
  await server.submit([long, 'exit 1', { args: 'true', tags: { a: 'b'.repeat(100) } }]);
  await until(async () => (await server.progress()).pending === 0);
  const { page } = await open(server);
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height: 800 });
  await page.locator('select').selectOption('all');
  await until(async () => (await rows(page).count()) === 3);
  expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
  expect(await poorContrasts(page)).toEqual([]);
});
