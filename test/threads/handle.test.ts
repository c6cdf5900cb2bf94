import { execFile } from 'node:child_process';
import { getEventListeners } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../src/base/log.ts';
import type { HandleOptions } from '../../src/threads/handle.ts';
import { handClock } from '../support/hand-clock.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { Opened } from './fixtures/opened.ts';

expectNoLeaks();

async function opened(data: unknown = {}, options: Partial<HandleOptions> = {}): Promise<Opened> {
  const handle = await Opened.new(data, options);
  onTestFinished(() => handle.stop({ timeout: 0 }));
  return handle;
}

describe('a handle that is made', () => {
  it('resolves when its component runs, with what the component told', async () => {
    const handle = await opened({ echo: { n: 1 } });
    expect(handle.info).toEqual({ id: 'an-id', echo: { n: 1 } });
  });

  it('emits ready to a listener that is attached right after', async () => {
    const handle = await opened();
    const ready: unknown[] = [];
    handle.on('ready', (info) => ready.push(info));
    await until(() => ready.length > 0);
    expect(ready).toEqual([handle.info]);
  });

  it('hears what its component tells before it has started, however little that waits for', async () => {
    const news: unknown[] = [];
    const handle = await Opened.new({ early: 'before' }, {}, (made) => made.on('news', (value) => news.push(value)));
    onTestFinished(() => handle.stop({ timeout: 0 }));
    expect(news).toEqual(['before']);
  });

  it('rejects with the component’s own error when it cannot start, even with details that cannot cross', async () => {
    await expect(Opened.new({ fails: true })).rejects.toMatchObject({ code: 'ERR_ADDRESS_IN_USE', message: 'no luck' });
  });

  it('rejects when its entry does not exist or says nothing', async () => {
    await expect(Opened.new({}, { entry: new URL('./fixtures/missing.mjs', import.meta.url) })).rejects.toMatchObject({
      code: 'ERR_THREAD',
    });
    await expect(Opened.new({}, { entry: new URL('./fixtures/silent.mjs', import.meta.url) })).rejects.toMatchObject({
      code: 'ERR_THREAD',
      message: expect.stringContaining('exit code 0'),
    });
  });

  it('rejects when its data cannot cross', async () => {
    await expect(Opened.new({ f: () => {} })).rejects.toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
  });
});

describe('join', () => {
  it('resolves with the end, as often as it is called, at the same time and later', async () => {
    const handle = await opened();
    const early = [handle.join(), handle.join(60), handle.join()];
    await handle.ask('end', { sum: 3 });
    expect(await Promise.all(early)).toEqual([{ sum: 3 }, { sum: 3 }, { sum: 3 }]);
    expect(await handle.join()).toEqual({ sum: 3 });
  });

  it('rejects with ERR_JOIN_TIMEOUT and lets the component go on', async () => {
    const { clock, fire } = handClock();
    const handle = await opened({}, { clock });
    const late = handle.join(5);
    fire();
    await expect(late).rejects.toMatchObject({ code: 'ERR_JOIN_TIMEOUT' });
    expect(await handle.ask('still there')).toMatchObject({ name: 'still there' });
    await expect(handle.join('soon')).rejects.toMatchObject({ code: 'ERR_DURATION' });
  });

  it.each(['throw', 'reject', 'fail'])('rejects with the error of a dead inner loop: %s', async (way) => {
    const handle = await opened();
    const errors: Error[] = [];
    handle.on('error', (error) => errors.push(error));
    handle.ask(way, 'the loop died').catch(() => {});
    const expected = { throw: /JSON/, reject: /nobody caught it/, fail: /the loop died/ }[way] as RegExp;
    await expect(handle.join()).rejects.toThrow(expected);
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    ['exit', /exit code 7/],
    ['memory', /memory/],
  ])('rejects with ERR_THREAD when the thread dies: %s', async (way, message) => {
    const handle = await opened({}, { resourceLimits: { maxOldGenerationSizeMb: 16 } });
    const asked = handle.ask(way);
    await expect(handle.join()).rejects.toMatchObject({ code: 'ERR_THREAD', message: expect.stringMatching(message) });
    await expect(asked).rejects.toMatchObject({ code: 'ERR_THREAD' });
  });

  it('gives the first error, also when the cleaning up after it hangs and is cut short', async () => {
    const { clock, fire } = handClock();
    const handle = await opened({ stuck: true }, { clock });
    handle.ask('throw').catch(() => {});
    await until(() =>
      handle.ask('x').then(
        () => false,
        () => true,
      ),
    );
    const stopped = handle.stop({ timeout: 1 });
    fire();
    await stopped;
    await expect(handle.join()).rejects.toThrow(/JSON/);
  });

  it.each([
    ['end', 'done'],
    ['throw', 'ERR_INTERNAL'],
    ['exit', 'ERR_THREAD'],
  ])('is not needed for the program to end by itself: %s', async (way, told) => {
    const program = fileURLToPath(new URL('./fixtures/program.mjs', import.meta.url));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, way]);
    expect([stdout, stderr]).toEqual([`${told}\n`, '']);
  });

  it('never ends the process when nobody awaits its rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const handle = await opened();
    void handle.join();
    void handle.join(60);
    await handle.ask('fail', 'unheard');
    await handle.stop();
    await new Promise(setImmediate);
    expect(unhandled).toEqual([]);
  });
});

describe('stop', () => {
  it('resolves when the thread is gone, twice too, and join gives the end', async () => {
    const handle = await opened();
    await Promise.all([handle.stop(), handle.stop({ drain: true })]);
    await handle.stop();
    expect(await handle.join()).toMatchObject({ drained: false });
  });

  it('drains, and when that lasts too long stops', async () => {
    const { clock, fire } = handClock();
    const handle = await opened({ drainsForEver: true }, { clock });
    const stopped = handle.stop({ drain: true, timeout: 1 });
    fire();
    await stopped;
    expect(await handle.join()).toEqual({ calls: ['drain', 'stop'], drained: false });
  });

  it('ends a component that does not react by force, and join says so', async () => {
    const { clock, fire } = handClock();
    const handle = await opened({ stuck: true }, { clock });
    const stopped = handle.stop({ timeout: 1 });
    fire();
    await stopped;
    await expect(handle.join()).rejects.toMatchObject({ code: 'ERR_THREAD' });
  });

  it('ends a thread that left something open, and reports it', async () => {
    const timers = handClock();
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_details: object, message: string) => void warnings.push(message) };
    const handle = await opened({ leavesOpen: true }, { clock: timers.clock, logger });
    const stopped = handle.stop();
    await until(() => timers.waiting > 0);
    timers.fire();
    await stopped;
    expect(await handle.join()).toMatchObject({ drained: false });
    expect(warnings).toEqual([expect.stringContaining('left something open')]);
  });

  it('is what leaving the scope does', async () => {
    let outside: Opened;
    {
      await using handle = await Opened.new();
      outside = handle;
    }
    expect(await outside.join()).toMatchObject({ drained: false });
  });
});

describe('requests', () => {
  it('that end the component are answered before it is gone', async () => {
    const handle = await opened();
    expect(await handle.ask('end', 'by request')).toMatchObject({ name: 'end' });
    expect(await handle.join()).toBe('by request');
  });

  it('are answered, pause and resume among them', async () => {
    const handle = await opened();
    await handle.pause();
    await handle.resume();
    expect(await handle.ask('ping', 5)).toEqual({ name: 'ping', value: 5, calls: ['pause', 'resume', 'ping'] });
  });

  it('reject with the component’s refusal, and the component goes on', async () => {
    const handle = await opened();
    await expect(handle.ask('refuse')).rejects.toMatchObject({ message: 'not like this' });
    await expect(handle.ask('uncloneable')).rejects.toMatchObject({ name: 'MillraceError' });
    await expect(handle.ask('x', () => {})).rejects.toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(await handle.ask('ping')).toMatchObject({ name: 'ping' });
  });

  it('that are open at the end, or come after it, reject with ERR_ENDED', async () => {
    const handle = await opened();
    const open = handle.ask('never');
    const [, refused] = await Promise.allSettled([handle.stop(), open]);
    expect(refused).toMatchObject({ reason: { code: 'ERR_ENDED' } });
    for (const call of [handle.pause(), handle.resume(), handle.ask('ping')])
      await expect(call).rejects.toMatchObject({ code: 'ERR_ENDED' });
  });
});

describe('events', () => {
  it('that were sent just before the end all arrive, in order, before it', async () => {
    const handle = await opened();
    const seen: unknown[] = [];
    handle.on('count', (n) => seen.push(n)).on('done', (end) => seen.push(end));
    void handle.ask('count', 1_000);
    await handle.join();
    expect(seen).toEqual([...Array(1_000).keys(), 'counted']);
  });

  it('are made only while somebody listens', async () => {
    const handle = await opened();
    const heard: unknown[] = [];
    const lists: string[][] = [];
    handle.on('heard', (names) => lists.push(names));
    await until(() => lists.length === 1);
    handle.once('news', (value) => heard.push(value));
    await handle.ask('emit', { name: 'news', value: 1 });
    await handle.ask('emit', { name: 'news', value: 2 });
    await until(() => lists.length === 3);
    expect(heard).toEqual([1]);
    expect(lists).toEqual([['heard'], ['heard', 'news'], ['heard']]);
  });

  it('survive a listener that throws, which the logger gets', async () => {
    const reported: object[] = [];
    const handle = await opened({}, { logger: { ...silentLogger, error: (details) => void reported.push(details) } });
    handle.on('news', () => {
      throw new Error('mine');
    });
    await handle.ask('emit', { name: 'news', value: 1 });
    expect(await handle.ask('ping')).toMatchObject({ name: 'ping' });
    expect(reported).toMatchObject([{ event: 'news', error: { message: 'mine' } }]);
  });
});

describe('an AbortSignal', () => {
  it('ends what runs, and join rejects with ERR_ABORTED and its reason', async () => {
    const controller = new AbortController();
    const handle = await opened({}, { signal: controller.signal });
    controller.abort('enough');
    await expect(handle.join()).rejects.toMatchObject({ code: 'ERR_ABORTED', cause: 'enough' });
  });

  it('drains where it is told to, and join resolves', async () => {
    const controller = new AbortController();
    const handle = await opened({}, { signal: controller.signal, onAbort: 'drain' });
    controller.abort();
    expect(await handle.join()).toMatchObject({ drained: true });
  });

  it('that is aborted before or during the start ends it at once', async () => {
    await expect(Opened.new({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    const controller = new AbortController();
    const starting = Opened.new({ hangs: true }, { signal: controller.signal });
    controller.abort();
    await expect(starting).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });

  it('is let go when the component has ended', async () => {
    const controller = new AbortController();
    const handle = await opened({}, { signal: controller.signal });
    await handle.ask('end', 'by itself');
    await handle.join();
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    controller.abort();
    expect(await handle.join()).toBe('by itself');
  });
});
