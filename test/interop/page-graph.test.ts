/** Sessions of task graphs and their graphs on the page, in a real browser. */
import type { Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { blob, tasks } from '../../dist/session/index.js';
import { until } from '../support/until.ts';
import { open, poorContrasts, rows, sessionOf, startClient, startServer, withBrowser } from './page-rig.ts';

withBrowser();

const boxes = (page: Page) => page.locator('.graph [role="button"]');
const box = (page: Page, text: string) => page.locator(`.graph [role="button"][aria-label*="${text}"]`);

it('a session is opened by the keyboard, its graph is walked through, goes on live, and the session is closed from the page', async () => {
  const server = await startServer();
  const session = await sessionOf(server, 'greeting');
  await session.bindOnly(async () => {
    const hello = tasks.concat([blob('Hello ', { label: 'word' }), blob('world')], { name: 'both' });
    tasks.execute('tr a-z A-Z', { stdin: hello, stdout: true, name: 'loud' }).output.keep();
    await session.submit();
  });
  const { page, complaints } = await open(server);
  await page.keyboard.press('s');
  await until(async () => (await rows(page).first().textContent())?.includes('1 ready, 1 waiting') === true);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await until(async () => (await boxes(page).count()) === 6);
  expect(new URL(page.url()).hash).toMatch(/^#sessions\/\d+$/);
  // From what was given to what is made, by the arrows alone.
  await page.keyboard.press('g');
  const focused = () => page.evaluate('document.activeElement.getAttribute("aria-label")');
  expect(await focused()).toMatch(/^object/);
  await page.keyboard.press('ArrowRight');
  expect(await focused()).toBe('task both: ready');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  expect(await focused()).toBe('task loud: waiting');
  await page.keyboard.press('Enter');
  const dialog = page.locator('#detail');
  await dialog.getByText('its inputs').waitFor();
  await page.keyboard.press('Escape');
  // A client comes; what it finishes is seen without a load, and focus stays where it was.
  await startClient(server);
  await box(page, 'task loud: finished').waitFor();
  expect(await focused()).toMatch(/^task loud: finished/);
  await page.reload();
  await until(async () => (await boxes(page).count()) === 6);
  await page.getByRole('button', { name: 'Close it' }).click();
  await page.locator('#ask').getByRole('button', { name: 'Close it' }).click();
  await page.getByText('No session is open.').waitFor();
  expect(complaints).toEqual([]);
});

it('of a session that is being closed from the page nothing is asked any more', async () => {
  const server = await startServer();
  const session = await sessionOf(server, 'ending');
  await session.bindOnly(async () => {
    tasks.concat([blob('a'), blob('b')]).output.keep();
    await session.submit();
  });
  const { page, complaints } = await open(server, '#sessions');
  await page.clock.install();
  await page.reload();
  await rows(page).first().click();
  await boxes(page).first().waitFor();
  // It is closed, and the page does not know.
  let answer = null as (() => Promise<void>) | null;
  await page.route('**/close', async (route) => {
    const response = await route.fetch();
    answer = () => route.fulfill({ response });
  });
  await page.getByRole('button', { name: 'Close it' }).click();
  await page.locator('#ask').getByRole('button', { name: 'Close it' }).click();
  const known = await until(() => answer);
  await page.clock.runFor(10_000);
  await known!();
  await page.getByText('No session is open.').waitFor();
  expect(complaints).toEqual([]);
});

it('a failed session says which task it failed for, as text, whatever stands in it', async () => {
  const server = await startServer();
  await startClient(server);
  const session = await sessionOf(server, '<b>bad</b>');
  onTestFinished(() => session.close());
  await session.bindOnly(async () => {
    tasks.execute('echo "<img src=x>" >&2; exit 3', { shell: true, name: 'broken' });
    await session.submit();
    await expect(session.waitAll()).rejects.toMatchObject({ code: 'ERR_TASK_FAILED' });
  });
  const { page, complaints } = await open(server, '#sessions');
  await rows(page).filter({ hasText: '<b>bad</b>' }).click();
  await page.getByText('Failed at task').waitFor();
  await box(page, 'task broken: failed').click();
  await page.locator('#detail').getByText('why it failed').waitFor();
  expect(await page.locator('main img, main b > b, dialog img').count()).toBe(0);
  expect(complaints).toEqual([]);
});

it('a graph of ten thousand tasks and objects is drawn as groups, whose members are listed and looked at one by one', async () => {
  const server = await startServer();
  const session = await sessionOf(server, 'large');
  onTestFinished(() => session.close());
  await session.bindOnly(async () => {
    const source = blob('x', { label: 'seed' });
    for (let lane = 0; lane < 100; lane += 1) {
      let at = source;
      for (let step = 0; step < 50; step += 1)
        at = tasks.concat([at], { name: lane === 7 && step === 3 ? 'odd one' : `step-${step % 3}` }).output;
      at.keep();
    }
    await session.submit();
  });
  const { page, complaints } = await open(server, '#sessions');
  await rows(page).first().click();
  await page.getByText('10,001 tasks and objects, in groups').waitFor();
  expect(await boxes(page).count()).toBeLessThan(300);
  // What takes a frame's time at most is not felt; ten of them are, on a busy machine, still far from a page that hangs.
  await page.evaluate(
    'globalThis.longest = 0; (function turn(last) { requestAnimationFrame((now) => { longest = Math.max(longest, now - last); turn(now); }); })(performance.now())',
  );
  await box(page, 'odd one').click();
  await openMember(page, 'odd one');
  await page.locator('#detail').getByText('its inputs').waitFor();
  await page.getByRole('button', { name: 'Show what is around it' }).click();
  await page.getByText('120 tasks and objects around one').waitFor();
  expect(await boxes(page).count()).toBe(120);
  await page.keyboard.press('Escape');
  await page.getByText('10,001 tasks and objects, in groups').waitFor();
  await boxes(page).filter({ hasText: 'step-0' }).first().click();
  await until(async () => (await rows(page).count()) === 100);
  expect(await page.evaluate('longest')).toBeLessThan(5_000);
  expect(complaints).toEqual([]);
});

/** The only member of a group is opened at once, else by its row. */
async function openMember(page: Page, name: string): Promise<void> {
  if (!(await page.locator('#detail').isVisible())) await rows(page).filter({ hasText: name }).click();
}

it.each([
  ['light', 1_280],
  ['dark', 1_280],
  ['light', 390],
] as const)(
  'in %s at a width of %i the graph stays inside of its frame, and every text is told from its ground',
  async (colorScheme, width) => {
    const server = await startServer();
    const session = await sessionOf(server, 'wide '.repeat(40));
    onTestFinished(() => session.close());
    await session.bindOnly(async () => {
      let at = blob('x', { label: 'a label that is much too long for its box' });
      for (let step = 0; step < 40; step += 1) at = tasks.concat([at, blob('y')], { name: `step ${step}` }).output;
      at.keep();
      await session.submit();
    });
    const { page } = await open(server, '#sessions');
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    const overflow = () => page.evaluate('document.documentElement.scrollWidth - innerWidth');
    await rows(page).first().waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
    expect(await poorContrasts(page)).toEqual([]);
    await rows(page).first().click();
    await boxes(page).first().waitFor();
    expect(await overflow()).toBeLessThanOrEqual(0);
    expect(await poorContrasts(page)).toEqual([]);
  },
);
