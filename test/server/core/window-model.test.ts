/**
 * The ready window against a model that knows every task: random tasks, limits, clients, ends, restarts under other limits, with a window of a few tasks. After
 * each step limits hold; and once nothing moves any more, no client idles while a task that it could run stands anywhere in the queue.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { LimitConfig } from '../../../src/config/server-options.ts';
import type { CoreOptions } from '../../../src/server/core/events.ts';
import type { TaskAttributes } from '../../../src/task/task.ts';
import { Bench, grants, shell } from './harness.ts';

interface Known {
  attributes: TaskAttributes;
  state: 'queued' | 'done' | { client: string; grant: number };
}

interface ModelClient {
  id: string;
  cores: number;
  slots: number;
  sequence: number;
  sent: number;
}

const clients = (): ModelClient[] => [
  { id: 'small', cores: 1, slots: 2, sequence: 1, sent: 0 },
  { id: 'large', cores: 4, slots: 3, sequence: 1, sent: 0 },
];

class System {
  bench: Bench;
  readonly tasks: Map<number, Known> = new Map();
  clients: ModelClient[] = [];
  limits: LimitConfig[];
  readonly #window: number;
  #submissions = 0;
  #next = 1;

  constructor(limits: LimitConfig[], window: number) {
    this.limits = limits;
    this.#window = window;
    this.bench = new Bench(this.#options());
    this.connect();
  }

  connect(): void {
    this.clients = clients();
    for (const { id, cores, slots } of this.clients) this.#perform(() => this.bench.join(id, slots, { slots, cores }));
  }

  submit(count: number, attributes: TaskAttributes): void {
    const tasks = Array.from({ length: count }, () => shell('x', attributes));
    for (const _ of tasks) this.tasks.set(this.#next++, { attributes, state: 'queued' });
    this.#perform(() => this.bench.submit(tasks, ++this.#submissions));
  }

  /** Some leased task ends, is given back, or is cancelled. */
  end(which: number, how: 'result' | 'back' | 'cancel'): void {
    const leased = [...this.tasks].filter(([, { state }]) => typeof state === 'object');
    const found = leased[which % Math.max(1, leased.length)];
    if (found === undefined) return;
    const [n, task] = found;
    const { client, grant } = task.state as { client: string; grant: number };
    task.state = how === 'back' ? 'queued' : 'done';
    this.#perform(() => {
      if (how === 'result') this.bench.result(client, grant, n);
      else if (how === 'back') this.bench.feed({ type: 'given-back', connection: client, given: [[grant, [n, n]]] });
      else this.bench.feed({ type: 'cancel', numbers: [n], rows: [] });
      return this.bench.turn();
    });
  }

  /** The server dies; its successor may have other limits than those that tasks were stored under. */
  restart(limits: LimitConfig[]): void {
    this.limits = limits;
    this.bench = this.bench.restartWith(this.#options());
    this.bench.turn();
    this.clients = clients();
    for (const client of this.clients) {
      const held = new Map<number, number[]>();
      for (const [n, { state }] of this.tasks) {
        if (typeof state === 'object' && state.client === client.id) held.set(state.grant, [...(held.get(state.grant) ?? []), n, n]);
      }
      this.#perform(() => {
        const { id, slots, cores } = client;
        const capacity = { slots, cores, memory: null, resources: {}, tags: {} };
        this.bench.meet(id);
        this.bench.feed({ type: 'client-connected', connection: id, id, host: 'host', capacity });
        this.bench.feed({ type: 'resume', connection: id, held: [...held] });
        return this.bench.turn();
      });
    }
  }

  /** Turns until nothing moves. */
  settle(): void {
    let turns = 0;
    for (let still = 0; still < 3; still++) {
      if (turns++ > 2_000) throw new Error('the store is asked for ever');
      for (const client of this.clients) {
        const free = client.slots - this.#held(client.id).length;
        this.bench.feed({
          type: 'want',
          connection: client.id,
          sequence: ++client.sequence,
          tasks: client.sent + Math.max(0, free),
          free: Math.max(0, free),
        });
      }
      if (this.#perform(() => this.bench.turn())) still = 0;
    }
  }

  checkNobodyIdles(): void {
    for (const client of this.clients) {
      if (client.slots - this.#held(client.id).length <= 0) continue;
      for (const [n, { attributes, state }] of this.tasks) {
        if (state !== 'queued' || (attributes.cores ?? 0) > client.cores) continue;
        const stopped = this.limits.some((limit) => this.#leases(limit, attributes) >= (limit.concurrency ?? Number.POSITIVE_INFINITY));
        if (!stopped) throw new Error(`${client.id} idles while task ${n} ${JSON.stringify(attributes)} is queued`);
      }
    }
  }

  checkLimits(before: ReadonlyMap<string, number>): void {
    for (const [unit, count] of this.units()) {
      const [key] = JSON.parse(unit) as [string];
      const most = this.limits.find((limit) => limit.key === key)?.concurrency ?? Number.POSITIVE_INFINITY;
      // A restart may find more than its limits allow; then nothing is added.
      if (count > most && count > (before.get(unit) ?? 0)) throw new Error(`${count} of ${unit} are leased, ${most} may`);
    }
  }

  units(): Map<string, number> {
    const units = new Map<string, number>();
    for (const { attributes, state } of this.tasks.values()) {
      if (typeof state !== 'object') continue;
      for (const { key } of this.limits) {
        const value = attributes.tags?.[key];
        if (value === undefined) continue;
        const unit = JSON.stringify([key, value]);
        units.set(unit, (units.get(unit) ?? 0) + 1);
      }
    }
    return units;
  }

  #leases({ key }: LimitConfig, attributes: TaskAttributes): number {
    const value = attributes.tags?.[key];
    return value === undefined ? 0 : (this.units().get(JSON.stringify([key, value])) ?? 0);
  }

  #held(id: string): number[] {
    return [...this.tasks].flatMap(([n, { state }]) => (typeof state === 'object' && state.client === id ? [n] : []));
  }

  /** True: something was granted, or looked for. */
  #perform(step: () => Parameters<typeof grants>[0]): boolean {
    const before = this.units();
    const turn = step();
    const granted = grants(turn);
    for (const [connection, grant, , list] of granted) {
      this.clients.find(({ id }) => id === connection)!.sent += list.length;
      for (const n of list) {
        const task = this.tasks.get(n)!;
        expect(task.state, `task ${n} when it is granted`).toBe('queued');
        task.state = { client: connection, grant };
      }
    }
    this.checkLimits(before);
    return granted.length > 0 || turn.refills.length > 0;
  }

  #options(): Partial<CoreOptions> {
    return { limits: this.limits, window: { tasks: this.#window, bytes: 1e9 }, maxLosses: 1e6, foreverMode: true };
  }
}

const limit = fc.record({ key: fc.constantFrom('tenant', 'host'), concurrency: fc.integer({ min: 1, max: 2 }), rate: fc.constant(null) });
const limits = fc.uniqueArray(limit, { maxLength: 2, selector: ({ key }) => key });
const attributes = fc.record(
  {
    cores: fc.integer({ min: 1, max: 5 }),
    priority: fc.integer({ min: 0, max: 1 }),
    timeout: fc.constantFrom(1_000, 2_000),
    tags: fc.record({ tenant: fc.constantFrom('a', 'b'), host: fc.constantFrom('x', 'y', 'z') }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const command = fc.oneof(
  fc.record({ type: fc.constant('submit' as const), count: fc.integer({ min: 1, max: 30 }), attributes }),
  fc.record({ type: fc.constantFrom('result' as const, 'result' as const, 'back' as const, 'cancel' as const), which: fc.nat() }),
  fc.record({ type: fc.constant('restart' as const), limits }),
);

it('keeps limits and hides nothing that a client could run', () => {
  fc.assert(
    fc.property(limits, fc.constantFrom(2, 5, 12), fc.array(command, { minLength: 5, maxLength: 40 }), (first, window, commands) => {
      const system = new System(first, window);
      for (const step of commands) {
        if (step.type === 'submit') system.submit(step.count, step.attributes);
        else if (step.type === 'restart') system.restart(step.limits);
        else system.end(step.which, step.type);
        system.settle();
        system.checkNobodyIdles();
      }
    }),
    { numRuns: 80 },
  );
}, 30_000);
