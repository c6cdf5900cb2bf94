/** Time in which a server heard nobody is nobody's silence. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { MillraceError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { parseServerOptions } from '../../src/config/server.ts';
import { ServerCore } from '../../src/server/core/core.ts';
import { coreOptions } from '../../src/server/options.ts';
import { Turns } from '../../src/server/turns.ts';
import { MemoryStore } from '../../src/store/memory/adapter.ts';
import type { Writes } from '../../src/store/store.ts';
import { until } from '../support/until.ts';
import { Bench, grants, shell } from './core/harness.ts';

class FullStore extends MemoryStore {
  full = false;
  /** ms that the next commit takes, and with it the thread. */
  slow = 0;

  override commit(writes: Writes): void {
    now += this.slow;
    this.slow = 0;
    if (this.full) throw new MillraceError('ERR_DATABASE', 'the disk is full');
    super.commit(writes);
  }
}

let now: number;
let timers: Map<() => void, number>;
let store: FullStore;
let core: ServerCore;
let turns: Turns;

beforeEach(async () => {
  now = 0;
  timers = new Map();
  const clock: Clock = {
    wall: () => now,
    now: () => now,
    random: () => 0,
    after(ms, call) {
      timers.set(call, now + ms);
      return () => timers.delete(call);
    },
  };
  store = new FullStore({ count: 1e9, age: 1e12, now: () => now, salt: '000000000' });
  const config = parseServerOptions({ evictAfter: '10s' }).config;
  core = new ServerCore(coreOptions({ config, expectSource: true, onlyClients: null }), store.recover(), { now, wall: now });
  turns = new Turns(core, store, clock, { perform() {}, stalled() {}, failed() {} }, silentLogger);
  const capacity = { slots: 1, cores: null, memory: null, resources: {}, tags: {} };
  turns.feed({ type: 'client-connected', connection: 'c', id: 'c', host: 'host', capacity });
  await until(() => timers.size > 0);
});

afterEach(() => turns.close());

/** So much time passes, and only then what was due is done. */
function jump(ms: number): void {
  now += ms;
  for (const [call, at] of [...timers]) if (at <= now && timers.delete(call)) call();
}

it('a server that was frozen evicts nobody when it wakes: what its clients said waits in its sockets', async () => {
  jump(60_000);
  expect(core.clients()[0]?.connection).toBe('c');
  expect(core.clients()[0]?.lastContact).toBeGreaterThan(58_000);
  turns.feed({ type: 'contact', connection: 'c' });
  await until(() => core.clients()[0]?.lastContact === 60_000);
});

it('a server whose disk was full, and that read nothing meanwhile, evicts nobody when there is room again', async () => {
  store.full = true;
  turns.feed({ type: 'submit', connection: 's', submitter: 's', sequence: 1, tasks: [shell('a')], known: null });
  await until(() => [...timers.values()].includes(100));
  for (let passed = 0; passed < 30_000; passed += 500) jump(500);
  store.full = false;
  jump(5_000);
  await until(() => core.counts.submitted === 1 && core.clients()[0]?.lastContact === now);
  jump(1_000);
  expect(core.clients()[0]?.connection).toBe('c');
});

it('a commit that holds up the whole thread for longer than evictAfter costs no client its tasks', async () => {
  store.slow = 60_000;
  turns.feed({ type: 'submit', connection: 's', submitter: 's', sequence: 1, tasks: [shell('a')], known: null });
  await until(() => now === 60_000);
  jump(0);
  expect(core.clients()[0]?.connection).toBe('c');
  expect(core.clients()[0]?.lastContact).toBeGreaterThan(58_000);
  // The same in the turn that a tick has brought, while no timer waits.
  turns.feed({ type: 'contact', connection: 'c' });
  await until(() => core.clients()[0]?.lastContact === 60_000);
  store.slow = 60_000;
  jump(1_000);
  turns.feed({ type: 'submit', connection: 's', submitter: 's', sequence: 2, tasks: [shell('b')], known: null });
  await until(() => now === 121_000 && [...timers.values()].some((at) => at <= now));
  jump(0);
  expect(core.clients()[0]?.connection).toBe('c');
  expect(core.clients()[0]?.lastContact).toBeGreaterThan(118_000);
});

it('the core evicts a client only after evictAfter of a silence that it could hear', () => {
  const bench = new Bench();
  bench.join('c', 1);
  bench.submit([shell('a')]);
  bench.join('d', 1);
  bench.pass(5_000);
  bench.feed({ type: 'contact', connection: 'd' });
  bench.now += 20_000;
  bench.feed({ type: 'deaf', ms: 20_000 });
  bench.feed({ type: 'contact', connection: 'd' });
  expect(grants(bench.pass(4_000))).toEqual([]);
  bench.feed({ type: 'contact', connection: 'd' });
  expect(grants(bench.pass(1_000))).toEqual([['d', expect.any(Number), 2, [1]]]);
});
