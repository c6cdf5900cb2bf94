/**
 * The scale run: the real cores of one server and a thousand clients in virtual time, one thread, no adversary: what do decisions cost, and does
 * that depend on how many tasks are queued? Virtual time goes on in milliseconds, and a message takes one.
 */
import type { CoreEvent, CoreOptions, Send } from '../server/core/events.ts';
import { chainLimits } from '../server/core/limits.ts';
import { clientEvent } from '../server/link.ts';
import { MemoryStore } from '../store/memory/adapter.ts';
import type { TaskStore } from '../store/store.ts';
import type { WireTask } from '../task/task.ts';
import { plainServer } from './plain-options.ts';
import { Random } from './random.ts';
import { Calendar } from './scale-calendar.ts';
import { ScaleClients } from './scale-clients.ts';
import { ScaleServer } from './scale-server.ts';

/** Where a run stands, for who looks at its memory: nothing is there; the clients are made; they are connected; all is queued; all slots are busy. */
export type ScaleMoment = 'empty' | 'made' | 'connected' | 'queued' | 'busy';

export interface ScaleOptions {
  /** Time that is spent, in ms: `() => performance.now()`, or of the processor where others use it too. */
  readonly stopwatch: () => number;
  /** Default 1,000. */
  readonly clients?: number;
  /** Of each client. Default 250. */
  readonly slots?: number;
  /** Tasks whose cost is measured. Default 1,000,000. */
  readonly tasks?: number;
  /**
   * So many tasks stand in the queue all the time, beside those that run: for each that ends another one is submitted, and measured is from when each
   * slot has done one. Absent: all tasks are submitted first and measured is all, until the last one has ended.
   */
  readonly queued?: number;
  /** A turn of the server each so many virtual ms, as behind a disk. Default 1. */
  readonly turnEvery?: number;
  /** Virtual ms that a task lasts, at least and at most. Default 5 to 15 seconds. */
  readonly lasts?: readonly [least: number, most: number];
  /** It must answer at once. Default: a memory store. */
  readonly store?: TaskStore;
  /** What the server's core is told. Default: as a server with no options. */
  readonly options?: Partial<CoreOptions>;
  /** The tasks by their place. Default: short command lines. */
  readonly task?: (place: number) => WireTask;
  /** Called at each moment that a run comes to. Default: nobody is. */
  readonly at?: (moment: ScaleMoment) => void;
  /** Verify the server's core after each turn: for small runs. Default false. */
  readonly check?: boolean;
}

export interface ScaleReport {
  readonly clients: number;
  readonly slots: number;
  readonly tasks: number;
  /** Null: all were queued first. */
  readonly queued: number | null;
  /** Virtual ms of what was measured. */
  readonly durationMs: number;
  readonly turns: number;
  /** Tasks that the server granted, results that it recorded, and recalls that it sent. */
  readonly granted: number;
  readonly recorded: number;
  readonly recalls: number;
  /** Grants and results a second of the server's core. */
  readonly decisionsPerSecond: number;
  /** Real microseconds a task: in the server's core (submission, grant, result), in its store, and in the cores of the clients. */
  readonly serverMicroseconds: number;
  readonly storeMicroseconds: number;
  readonly clientMicroseconds: number;
  /** The longest turn of the server's core, ms. */
  readonly longestTurnMs: number;
}

/** Tasks of one submission. */
const bundle = 1_000;

/** Between two signs of life of a connection, ms. */
const heartrate = 10_000;

/** Run it. @throws Error when a client is cut or a task is done twice or never. */
export function simulateScale(options: ScaleOptions): ScaleReport {
  return new ScaleRun(options).run();
}

class ScaleRun {
  readonly #options: Required<Pick<ScaleOptions, 'clients' | 'slots' | 'tasks' | 'task' | 'at' | 'check' | 'turnEvery'>>;
  readonly #queued: number | null;
  readonly #limits: CoreOptions['limits'];
  readonly #time = { now: 0, wall: 1_700_000_000_000 };
  readonly #server: ScaleServer;
  readonly #clients: ScaleClients;
  readonly #up: Calendar<CoreEvent> = new Calendar();
  readonly #down: Calendar<readonly Send[]> = new Calendar();
  readonly #beats: Calendar<string> = new Calendar();
  #sequence = 0;
  #submitted = 0;

  constructor(options: ScaleOptions) {
    const { clients = 1_000, slots = 250, tasks = 1_000_000, lasts = [5_000, 15_000], stopwatch, check = false } = options;
    const { task = plainTask, at = () => {}, turnEvery = 1 } = options;
    this.#options = { clients, slots, tasks, task, at, check, turnEvery };
    this.#queued = options.queued ?? null;
    const random = new Random(1);
    const [least, most] = lasts;
    at('empty');
    this.#clients = new ScaleClients({ clients, slots, lasts: () => random.between(least, most) }, stopwatch, 0);
    at('made');
    const store = options.store ?? new MemoryStore({ count: 100_000, age: 1e12, now: () => this.#time.wall, salt: '000000000' });
    const core = { ...plainServer, ...options.options };
    this.#limits = core.limits;
    this.#server = new ScaleServer(core, store, stopwatch, this.#time);
  }

  run(): ScaleReport {
    const { clients, slots, tasks, at } = this.#options;
    const server = this.#server;
    server.receive([{ type: 'hold', reason: 'not all is queued' }]);
    this.#connect();
    while (server.core.clients().some(({ phase }) => phase !== 'present') || this.#time.now < 10) this.#step();
    at('connected');
    const first = this.#queued === null ? tasks : this.#queued + clients * slots;
    while (this.#submitted < first) {
      this.#submit(Math.min(bundle, first - this.#submitted));
      this.#step();
    }
    at('queued');
    server.receive([{ type: 'unhold', reason: 'not all is queued' }]);
    let from = 0;
    let since = this.#time.now;
    if (this.#queued === null) this.#until(() => server.granted >= Math.min(tasks, clients * slots));
    else {
      this.#until(() => server.recorded >= clients * slots);
      from = server.recorded;
      since = this.#time.now;
    }
    at('busy');
    if (this.#queued !== null) {
      server.reset();
      this.#clients.coreMs = 0;
      from = 0;
    }
    this.#until(() => server.recorded - from >= tasks);
    return this.#report(since);
  }

  #until(done: () => boolean): void {
    const limit = this.#time.now + 3_600_000;
    let before = this.#server.recorded;
    while (!done()) {
      this.#step();
      if (this.#time.now > limit) throw new Error(`the run does not end: ${JSON.stringify(this.#server.core.census())}`);
      if (this.#queued === null) continue;
      const due = this.#server.recorded - before;
      if (due >= Math.min(bundle, this.#queued / 10)) {
        this.#submit(due);
        before += due;
      }
    }
  }

  /** One virtual millisecond. */
  #step(): void {
    const time = this.#time;
    time.now++;
    time.wall++;
    const { now } = time;
    this.#server.receive([...this.#up.take(now), ...this.#beat(now)]);
    for (const sends of this.#down.take(now)) this.#clients.deliver(sends, now);
    this.#clients.turn(now, time.wall, (connection, message) => {
      const event = clientEvent(connection, message);
      if (event !== null) this.#up.add(now + 1, event);
    });
    const sends = now % this.#options.turnEvery === 0 ? this.#server.turn() : [];
    if (sends.length > 0) this.#down.add(now + 1, sends);
    if (this.#options.check) this.#server.core.check();
  }

  #connect(): void {
    const { slots } = this.#options;
    const capacity = { slots, cores: null, memory: null, resources: {}, tags: {} };
    const { connections } = this.#clients;
    this.#server.receive(
      connections.map((connection) => ({ type: 'client-connected', connection, id: `id of ${connection}`, host: 'host', capacity })),
    );
    connections.forEach((connection, i) => void this.#beats.add(1 + ((i * 7) % heartrate), connection));
    this.#clients.connect(0, chainLimits(this.#limits));
  }

  /** Signs of life, both ways: what the server gets. */
  #beat(now: number): CoreEvent[] {
    return this.#beats.take(now).map((connection) => {
      this.#clients.beat(connection, now);
      this.#beats.add(now + heartrate, connection);
      return { type: 'contact', connection };
    });
  }

  #submit(count: number): void {
    const { task } = this.#options;
    const tasks = Array.from({ length: count }, () => task(this.#submitted++));
    const sequence = ++this.#sequence;
    this.#server.receive([{ type: 'submit', connection: 'submitter', submitter: 'submitter', sequence, tasks, known: null }]);
  }

  #report(since: number): ScaleReport {
    const { clients, slots } = this.#options;
    const { core, turns, granted, recorded, recalls, coreMs, storeMs, longestTurnMs } = this.#server;
    const { refused, outcomes, submitted } = core.counts;
    if (refused > 0) throw new Error(`${refused} results were refused`);
    const ended = outcomes.reduce((sum, count) => sum + count, 0);
    if (outcomes[1] !== ended || submitted !== ended + core.counts.pending) throw new Error(`outcomes: ${outcomes.join(' ')}`);
    const perTask = (ms: number): number => (ms * 1_000) / recorded;
    return {
      clients,
      slots,
      tasks: recorded,
      queued: this.#queued,
      durationMs: this.#time.now - since,
      turns,
      granted,
      recorded,
      recalls,
      decisionsPerSecond: Math.round(((granted + recorded) / coreMs) * 1_000),
      serverMicroseconds: perTask(coreMs),
      storeMicroseconds: perTask(storeMs),
      clientMicroseconds: perTask(this.#clients.coreMs),
      longestTurnMs,
    };
  }
}

/** Its text is bytes of its own, as of a message that was decoded, not pieces of others. */
function plainTask(place: number): WireTask {
  return [0, Buffer.from(`process --input ${place}`).toString('latin1'), null, null];
}
