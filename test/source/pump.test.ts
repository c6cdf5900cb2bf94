import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { type Deferred, deferred } from '../../src/base/deferred.ts';
import { openSource, type Source } from '../../src/source/open.ts';
import { type BundleSink, Pump, type PumpOptions, type Receipt } from '../../src/source/pump.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { HandFed, HeldSink } from './hand-driven.ts';
import { settle, VirtualClock } from './virtual-clock.ts';

expectNoLeaks();

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const options: PumpOptions = { bundlesize: 100, bundlewait: 50 };

interface Setup {
  pump: Pump;
  sink: HeldSink;
  clock: VirtualClock;
}

async function start(source: Source, changes: Partial<PumpOptions> = {}, signal: AbortSignal | null = null): Promise<Setup> {
  const clock = new VirtualClock();
  const sink = new HeldSink();
  const pump = new Pump(await openSource(source, clock), { ...options, ...changes }, sink, clock, signal);
  await settle();
  return { pump, sink, clock };
}

const lines = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);

describe('a pump', () => {
  it('sends everything in order, in full bundles, and counts what was committed', async () => {
    const { pump, sink } = await start(lines(950));
    while (sink.unacknowledged > 0) await sink.commit();
    expect(await pump.done).toEqual({ submitted: 950, duplicates: 0, rejected: 0 });
    expect(sink.bundles.map(({ length }) => length)).toEqual([100, 100, 100, 100, 100, 100, 100, 100, 100, 50]);
    expect(sink.bundles.flat()).toEqual(lines(950));
  });

  it('holds no tasks that are on their way, unless somebody wants to hear of them', async () => {
    const kept: WeakRef<object>[] = [];
    const open: Deferred<Receipt>[] = [];
    const sink: BundleSink = {
      send(_, tasks) {
        kept.push(new WeakRef(tasks));
        open.push(deferred());
        return open[open.length - 1]!.promise;
      },
    };
    const pumps: Pump[] = [];
    for (const changes of [{}, { onReceipt: () => {} }])
      pumps.push(new Pump(await openSource(['a']), { ...options, ...changes }, sink, systemClock));
    await until(() => kept.length === 2);
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect(kept.map((tasks) => tasks.deref() !== undefined)).toEqual([false, true]);
    for (const { resolve } of open) resolve({ first: 1, submittedAt: 0, count: 1, duplicates: [], rejected: 0 });
    expect(await Promise.all(pumps.map(({ done }) => done))).toMatchObject([{ submitted: 1 }, { submitted: 1 }]);
  });

  it('sends the single line of a slow source at once when nothing is in flight', async () => {
    const source = new HandFed();
    const { sink, clock } = await start(source);
    await source.give('a');
    expect(sink.bundles).toEqual([['a']]);
    await sink.commit();
    await clock.pass(10_000);
    await source.give('b');
    expect(sink.bundles).toEqual([['a'], ['b']]);
  });

  it('sends what waits when its time has come, by a timer and not by the next line', async () => {
    const source = new HandFed();
    const { sink, clock } = await start(source);
    await source.give('a');
    await source.give('b');
    await clock.pass(30);
    await source.give('c');
    await clock.pass(19);
    expect(sink.bundles).toEqual([['a']]);
    await clock.pass(1);
    expect(sink.bundles).toEqual([['a'], ['b', 'c']]);
  });

  it('sends what waits when the bundle before it is acknowledged', async () => {
    const source = new HandFed();
    const { sink } = await start(source);
    await source.give('a');
    await source.give('b');
    await sink.commit();
    expect(sink.bundles).toEqual([['a'], ['b']]);
  });

  it('never has more bundles unacknowledged than the window, and reads no further than the next bundle', async () => {
    let read = 0;
    const source = (function* () {
      for (;;) {
        read += 1;
        yield `t${read}`;
      }
    })();
    const { sink, clock } = await start(source, { bundlesize: 10, window: 3 });
    await clock.pass(60_000);
    expect(sink.bundles).toHaveLength(3);
    expect(read).toBe(40);
    await sink.commit();
    expect(sink.bundles).toHaveLength(4);
    expect(read).toBe(50);
    expect(sink.most).toBe(3);
  });

  it('lets the event loop run while a sink answers at once', async () => {
    let rounds = 0;
    let going = true;
    const tick = (): void => {
      rounds += 1;
      if (going) setImmediate(tick);
    };
    setImmediate(tick);
    const began = performance.now();
    const source = (function* () {
      for (let i = 0; performance.now() - began < 150; i += 1) yield `t${i}`;
    })();
    const sink: BundleSink = {
      send: (_sequence, tasks) => Promise.resolve({ first: 1, submittedAt: 0, count: tasks.length, duplicates: [], rejected: 0 }),
    };
    await new Pump(await openSource(source), options, sink, systemClock).done;
    going = false;
    expect(rounds).toBeGreaterThan(5);
  });

  it('counts duplicates and rejected tasks as the receipts say, and passes each receipt on', async () => {
    const seen: number[] = [];
    const { pump, sink } = await start(lines(250), { onReceipt: (receipt, tasks) => seen.push(receipt.duplicates.length, tasks.length) });
    await sink.commit({ duplicates: [[0, 7]] });
    await sink.commit({ rejected: 2 });
    await sink.commit();
    expect(await pump.done).toEqual({ submitted: 249, duplicates: 1, rejected: 2 });
    expect(seen).toEqual([1, 100, 0, 100, 0, 50]);
  });

  it('of an empty source ends at once', async () => {
    const { pump, sink, clock } = await start([]);
    expect(await pump.done).toEqual({ submitted: 0, duplicates: 0, rejected: 0 });
    expect(sink.bundles).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('sends and commits everything before a failure of the source, then rejects with it and the totals', async () => {
    const source = (function* () {
      yield* lines(150);
      throw new Error('no more');
    })();
    const { pump, sink } = await start(source);
    const ended = expect(pump.done).rejects.toEqual(
      expect.objectContaining({ code: 'ERR_SOURCE', details: { submitted: 150, duplicates: 0, rejected: 0 } }),
    );
    while (sink.unacknowledged > 0) await sink.commit();
    await ended;
    expect(sink.bundles.flat()).toEqual(lines(150));
  });

  it('of a source that fails later does the same', async () => {
    const source = new HandFed();
    const { pump, sink } = await start(source);
    await source.give('a');
    await source.give('b');
    await source.fail(new Error('no more'));
    await sink.commit();
    await sink.commit();
    await expect(pump.done).rejects.toThrow(/no more/);
    expect(sink.bundles).toEqual([['a'], ['b']]);
  });

  it('stops at a bad task when strict: what came before is committed, the source is given back', async () => {
    const source = new HandFed();
    const { pump, sink } = await start(source, { strict: true });
    await source.give('a');
    await source.give('b # MILLRACE: cores:two');
    expect(source.returned).toBe(1);
    await sink.commit();
    await expect(pump.done).rejects.toEqual(
      expect.objectContaining({ code: 'ERR_DIRECTIVE', details: expect.objectContaining({ line: 2, submitted: 1 }) }),
    );
  });

  it('sends bad tasks as rejected ones when not strict', async () => {
    const { pump, sink } = await start(['a', 'b # MILLRACE: cores:two', 'c']);
    expect(sink.bundles).toEqual([['a', 'b # MILLRACE: cores:two', 'c']]);
    await sink.commit({ rejected: 1 });
    expect(await pump.done).toEqual({ submitted: 3, duplicates: 0, rejected: 1 });
  });

  it('reads nothing while it is paused, and goes on after', async () => {
    const source = new HandFed();
    const { pump, sink } = await start(source);
    pump.pause();
    await source.give('a');
    await sink.commit();
    expect(source.asked).toBe(1);
    pump.resume();
    pump.resume();
    await settle();
    expect(source.asked).toBe(2);
    await source.give('b');
    expect(sink.bundles).toEqual([['a'], ['b']]);
    await source.end();
    await sink.commit();
    expect((await pump.done).submitted).toBe(2);
  });

  it.each(['pause', 'stop'] as const)('sends what its source gave in the moment of a %s', async (way) => {
    const answers: ((item: IteratorResult<string>) => void)[] = [];
    const next = (): Promise<IteratorResult<string>> => new Promise((resolve) => answers.push(resolve));
    const { pump, sink } = await start({ [Symbol.asyncIterator]: () => ({ next }) });
    answers[0]?.({ value: 'a' });
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
    expect(answers).toHaveLength(2);
    pump[way]();
    await settle();
    expect(sink.bundles).toEqual([['a']]);
    expect(answers).toHaveLength(2);
    await sink.commit();
    void pump.stop();
    expect((await pump.done).submitted).toBe(1);
  });

  it('that is stopped gives its source back, commits what it has read, and takes nothing more', async () => {
    const source = new HandFed();
    const { pump, sink, clock } = await start(source);
    await source.give('a');
    await source.give('b');
    const stopped = pump.stop();
    expect(source.returned).toBe(1);
    await source.give('late');
    while (sink.unacknowledged > 0) await sink.commit();
    expect(await stopped).toEqual({ submitted: 2, duplicates: 0, rejected: 0 });
    expect(sink.bundles).toEqual([['a'], ['b']]);
    expect(clock.timers).toBe(0);
    expect(await pump.stop()).toBe(await pump.done);
  });

  it('ends at once when its sink fails', async () => {
    const source = new HandFed();
    const { pump, sink, clock } = await start(source);
    await source.give('a');
    await source.give('b');
    await sink.refuse(new Error('server gone'));
    await expect(pump.done).rejects.toThrow(/server gone/);
    expect(source.returned).toBe(1);
    expect(sink.bundles).toEqual([['a']]);
    expect(clock.timers).toBe(0);
  });

  it('ends at once when it is aborted, before or during', async () => {
    const controller = new AbortController();
    const source = new HandFed();
    const { pump, sink } = await start(source, {}, controller.signal);
    await source.give('a');
    await sink.commit();
    await source.give('b');
    controller.abort(new Error('enough'));
    await expect(pump.done).rejects.toEqual(
      expect.objectContaining({ code: 'ERR_ABORTED', details: expect.objectContaining({ submitted: 1 }) }),
    );
    await sink.commit();
    expect(source.returned).toBe(1);

    const late = await start(lines(5), {}, controller.signal);
    await expect(late.pump.done).rejects.toEqual(expect.objectContaining({ code: 'ERR_ABORTED' }));
    expect(late.sink.bundles).toEqual([]);
  });

  it('ends with the error of a receipt listener that throws', async () => {
    const { pump, sink } = await start(lines(1), {
      onReceipt: () => {
        throw new Error('listener');
      },
    });
    await sink.commit();
    await expect(pump.done).rejects.toThrow(/listener/);
  });
});
