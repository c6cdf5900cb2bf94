import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bench, begun, ended, said, shell } from './harness.ts';
import { type Job, Machine, type Ran } from './machine.ts';

const numbers = (effects: Parameters<typeof begun>[0]): number[] => begun(effects).flatMap(([, list]) => list);

describe('a task that does not fit yet', () => {
  it('is passed by what leaves it its room', () => {
    const bench = new Bench({ slots: 4, cores: 8 });
    bench.connect();
    expect(numbers(bench.work(7, shell(1, { cores: 5 }), shell(2, { cores: 6 })))).toEqual([1]);
    bench.now = 5_000;
    // 3 fits beside 2; 4 would not fit beside both; 5 takes a slot only.
    expect(numbers(bench.work(8, shell(3, { cores: 2 }), shell(4, { cores: 1 }), shell(5)))).toEqual([3, 5]);
    expect(numbers(bench.end(0, [ended(1)]))).toEqual([2]);
  });

  it('is passed by what ends before it can begin, by the time limits of both', () => {
    const bench = new Bench({ slots: 8, cores: 8 });
    bench.connect();
    bench.work(7, shell(1, { cores: 4, timeout: 10_000 }));
    const effects = bench.work(
      8,
      shell(2, { cores: 8, timeout: 100 }),
      shell(3, { cores: 1, timeout: 20_000 }),
      shell(4, { cores: 1, timeout: 9_000 }),
    );
    expect(numbers(effects)).toEqual([4]);
  });

  it('is passed for a second only while nobody knows how long what runs will take', () => {
    const bench = new Bench({ slots: 8, cores: 8 });
    bench.connect();
    bench.work(7, shell(1, { cores: 4 }), shell(2, { cores: 8 }), shell(3, { cores: 1 }));
    expect(numbers(bench.work(8, shell(4, { cores: 1 })))).toEqual([4]);
    bench.now = 1_001;
    expect(numbers(bench.work(9, shell(5, { cores: 1 })))).toEqual([]);
  });

  it('is passed by tasks that were short so far, while those that it waits for were long', () => {
    const bench = new Bench({ slots: 8, cores: 8 });
    bench.connect();
    bench.work(6, shell(1, { cores: 4 }), shell(2, { cores: 1 }));
    bench.end(0, [ended(1, 'succeeded', 60_000)]);
    bench.end(1, [ended(2, 'succeeded', 200)]);
    bench.now = 10_000;
    bench.work(7, shell(3, { cores: 4 }), shell(4, { cores: 8 }));
    bench.now = 20_000;
    expect(numbers(bench.work(8, shell(5, { cores: 1 })))).toEqual([5]);
  });

  it('is not passed any more once only those that passed it keep it waiting', () => {
    const bench = new Bench({ slots: 8, cores: 8 });
    bench.connect();
    bench.work(7, shell(1, { cores: 1 }), shell(2, { cores: 8 }), shell(3, { cores: 1 }), shell(4, { cores: 1 }));
    // 1 was ahead; 3 and 4 have passed. It ends: now nothing more may pass.
    expect(numbers(bench.end(0, [ended(1)]))).toEqual([]);
    expect(numbers(bench.work(8, shell(5, { cores: 1 })))).toEqual([]);
    bench.end(1, [ended(2)]);
    expect(numbers(bench.end(2, [ended(3)]))).toEqual([2]);
  });

  it('keeps a slot: what needs nothing does not take the one that its last predecessor leaves before its end is told', () => {
    const bench = new Bench({ slots: 2, cores: 8 });
    bench.connect();
    bench.work(7, shell(1, { cores: 1 }), shell(2, { cores: 8 }));
    bench.now = 5_000;
    expect(numbers(bench.work(8, shell(3), shell(4)))).toEqual([3]);
    expect(numbers(bench.end(0, [], true))).toEqual([]);
    expect(numbers(bench.end(0, [ended(1)], false))).toEqual([2]);
  });

  it('begins although fractions of cores do not add up exactly', () => {
    const bench = new Bench({ slots: 8, cores: 0.6 });
    bench.connect();
    bench.work(7, shell(1, { cores: 0.1 }), shell(2, { cores: 0.2 }), shell(3, { cores: 0.3 }));
    for (const slot of [0, 1, 2]) bench.end(slot, [ended(slot + 1)]);
    expect(numbers(bench.work(8, shell(4, { cores: 0.6 })))).toEqual([4]);
  });
});

describe('no task waits for ever', () => {
  it('a stream of small tasks never starves a large one', () => {
    const machine = new Machine({ slots: 8, cores: 8 });
    let n = 0;
    const small = (): Job => ({ n: ++n, attributes: { cores: 1 }, duration: 50 + ((n * 37) % 100) });
    machine.give(...Array.from({ length: 8 }, small));
    const large: Job = { n: 100_000, attributes: { cores: 8 }, duration: 100 };
    machine.give(large);
    for (let i = 0; i < 500; i++) {
      while (machine.waiting.length < 20) machine.give(small());
      machine.step(100_000);
    }
    // Those that ran before it took 150 ms at most, as does each that passes it.
    expect(machine.ran.find(({ job }) => job === large)?.startedAt).toBeLessThanOrEqual(300);
    expect(machine.ran.length).toBeGreaterThan(300);
  });

  it('begins each task in time, over any mix: no later than when those ahead of it leave room, and one run of a task that passed it', () => {
    const job = fc.record({
      cores: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(1), fc.constant(0)),
      memory: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 100 }) }),
      duration: fc.integer({ min: 1, max: 3_000 }),
      limit: fc.constantFrom('none', 'none', 'tight', 'wide'),
      pause: fc.constantFrom(0, 0, 0, 20, 400),
    });
    const property = fc.property(fc.array(job, { minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 9 }), (drafts, slots) => {
      const limits = { slots, cores: 8, memory: 100 };
      const judge = new Judge(limits);
      const machine = new Machine(limits, (state) => judge.look(state));
      drafts.forEach(({ cores, memory, duration, limit, pause }, i) => {
        const until = machine.now + pause;
        while (machine.now < until) machine.step(until);
        const timeout = limit === 'tight' ? duration + 1 : limit === 'wide' ? duration * 4 : null;
        const attributes = { ...(cores > 0 ? { cores } : {}), ...(memory > 0 ? { memory } : {}), ...(timeout === null ? {} : { timeout }) };
        machine.give({ n: i + 1, attributes, duration });
      });
      for (let i = 0; i < 1_000 && machine.running.length > 0; i++) machine.step(1e9);
      expect(machine.ran).toHaveLength(drafts.length);
    });
    fc.assert(property, { numRuns: 200, seed: 11 });
  }, 30_000);

  it('with 4,096 tasks in hand, of as many kinds, a start costs a look at each kind, not more', () => {
    const bench = new Bench({ slots: 8, cores: 8 });
    bench.connect();
    bench.work(7, shell(1, { cores: 8 }), ...Array.from({ length: 4_095 }, (_, i) => shell(i + 2, { cores: 1 + (i % 8), memory: i })));
    const begin = performance.now();
    for (let i = 0; i < 50; i++) bench.tell('tick');
    // 0.5 ms each here; looking at each task for each kind would take 100 ms.
    expect((performance.now() - begin) / 50).toBeLessThan(20);
    expect(said(bench.receive(['recall', 3]), 'back')).toEqual([['back', [[7, [4_094, 4_096]]]]]);
  });
});

interface Limits {
  readonly slots: number;
  readonly cores: number;
  readonly memory: number;
}

/** Knows nothing of the rules: it looks at who waits first, what ran when it began to wait, and what began before it. */
class Judge {
  readonly #limits: Limits;
  #head: Job | null = null;
  #ahead: Ran[] = [];
  #roomSince: number | null = null;
  #passed = 0;
  #seen = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  look(machine: Machine): void {
    const { running, now, ran } = machine;
    const sum = (runs: readonly Ran[], what: 'cores' | 'memory'): number =>
      runs.reduce((total, { job }) => total + (job.attributes?.[what] ?? 0), 0);
    for (const what of ['cores', 'memory'] as const)
      if (sum(running, what) > this.#limits[what]) throw new Error(`${sum(running, what)} of ${this.#limits[what]} ${what} in use`);
    if (running.length > this.#limits.slots) throw new Error('more tasks than slots');
    for (const run of ran.slice(this.#seen)) {
      if (run.job !== this.#head) this.#passed = Math.max(this.#passed, run.job.duration);
      else if (this.#roomSince === null || now > this.#roomSince + this.#passed + 1)
        throw new Error(`task ${run.job.n} began at ${now}: it had room at ${this.#roomSince}, and ${this.#passed} ms passed it`);
    }
    this.#seen = ran.length;
    const head = machine.waiting[0] ?? null;
    if (head !== this.#head) {
      this.#head = head;
      this.#ahead = [...running];
      this.#roomSince = null;
      this.#passed = 0;
    }
    if (head === null || this.#roomSince !== null) return;
    const ahead = this.#ahead.filter((run) => running.includes(run as (typeof running)[number]));
    const { cores = 0, memory = 0 } = head.attributes ?? {};
    const room = sum(ahead, 'cores') + cores <= this.#limits.cores && sum(ahead, 'memory') + memory <= this.#limits.memory;
    if (room && ahead.length < this.#limits.slots) this.#roomSince = now;
    else if (ahead.length === 0) throw new Error('nothing is ahead of it, and it has no room');
  }
}
