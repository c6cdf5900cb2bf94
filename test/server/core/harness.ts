/** A server core with a memory store behind it and time in hand: feed events, close turns, read what left. */
import type { TaskChange } from '../../../src/data/change.ts';
import type { Message } from '../../../src/protocol/messages.ts';
import { ServerCore } from '../../../src/server/core/core.ts';
import type { CoreEvent, CoreOptions, Turn } from '../../../src/server/core/events.ts';
import { MemoryStore } from '../../../src/store/memory/adapter.ts';
import type { TaskAttributes, WireTask } from '../../../src/task/task.ts';
import { plainServer } from '../../../src/testing/plain-options.ts';

const plain: CoreOptions = {
  ...plainServer,
  foreverMode: false,
  maxLosses: 3,
  evictAfter: 10_000,
  reconnectGrace: 2_000,
  window: { tasks: 100, bytes: 1_000_000 },
  bundle: { tasks: 100, bytes: 1_000_000 },
};

export function shell(args: string, attributes: TaskAttributes | null = null): WireTask {
  return [0, args, null, attributes];
}

export class Bench {
  readonly store: MemoryStore;
  core: ServerCore;
  now = 0;
  /** For a hundred thousand tasks: `check()` is not run after each step. */
  unchecked = false;
  readonly #options: CoreOptions;
  readonly #sequences = new Map<string, number>();

  constructor(options: Partial<CoreOptions> = {}, store?: MemoryStore) {
    this.#options = { ...plain, ...options };
    this.store = store ?? new MemoryStore({ count: 1e9, age: 1e12, now: () => this.now, salt: '000000000' });
    this.core = this.#boot();
  }

  /** The server dies and starts again on the same store. */
  restart(): Turn {
    this.core = this.#boot();
    return this.turn();
  }

  /** The same with other options. */
  restartWith(options: Partial<CoreOptions>): Bench {
    const bench = new Bench(options, this.store);
    bench.now = this.now;
    return bench;
  }

  feed(event: CoreEvent): void {
    this.core.handle(event, this.#time());
    if (!this.unchecked) this.core.check();
  }

  /** Close the turn, commit it, answer what it asks. */
  turn(): Turn {
    const turn = this.core.endTurn(this.#time());
    if (!this.unchecked) this.core.check();
    if (turn.writes !== null) this.store.commit(turn.writes);
    for (const question of turn.refills)
      this.feed({ type: 'refilled', question, rows: this.store.ready(question.after, question.limit, question.lanes ?? undefined) });
    if (turn.lookups.length > 0) this.feed({ type: 'parents', outcomes: this.store.outcomes(turn.lookups) });
    return turn;
  }

  pass(ms: number): Turn {
    this.now += ms;
    this.feed({ type: 'tick' });
    return this.turn();
  }

  /** This client's results are numbered from 1 again. */
  meet(id: string): void {
    this.#sequences.set(id, 0);
  }

  /** A client with credit for `wanted` tasks, `slots` of them at once. */
  join(id: string, wanted = 2, capacity: { slots?: number; cores?: number | null; joined?: boolean } = {}): Turn {
    this.#sequences.set(id, 0);
    const { slots = wanted, cores = null, joined = false } = capacity;
    this.feed({
      type: 'client-connected',
      connection: id,
      id,
      host: 'host',
      capacity: { slots, cores, memory: null, resources: {}, tags: {} },
      joined,
    });
    this.feed({ type: 'resume', connection: id, held: [] });
    this.feed({ type: 'want', connection: id, sequence: 1, tasks: wanted, free: slots });
    return this.turn();
  }

  submit(tasks: readonly WireTask[], sequence = 1, submitter = 's'): Turn {
    const parents = this.store.known(
      [],
      tasks.flatMap(([, , , attributes]) => attributes?.dependsOn ?? []),
    ).ids;
    this.feed({ type: 'submit', connection: submitter, submitter, sequence, tasks, known: null, parents });
    return this.turn();
  }

  result(id: string, grant: number, n: number, outcome = 1): void {
    const sequence = this.#sequences.get(id)! + 1;
    this.#sequences.set(id, sequence);
    this.feed({ type: 'results', connection: id, sequence, bundles: [[grant, [[n, outcome, 0, 1, 1, 0, null]]]] });
  }

  /** Change these tasks as the server does it; how many it were. */
  change(change: TaskChange, numbers: readonly number[]): number {
    const before = this.core.changes;
    const outside = numbers.filter((n) => this.core.task(n) === null);
    const done = this.store.find({ numbers: outside }).filter((row) => row.end !== null);
    this.feed({ type: 'change', change, numbers, rows: this.store.pending(outside), done });
    return this.core.changes - before;
  }

  #boot(): ServerCore {
    return new ServerCore(this.#options, this.store.recover(), this.#time());
  }

  #time(): { now: number; wall: number } {
    return { now: this.now, wall: 1_000_000 + this.now };
  }
}

/** Messages to a connection with this tag. */
export function sent<T extends Message[0]>(turn: Turn, connection: string, tag: T): Extract<Message, readonly [T, ...unknown[]]>[] {
  return turn.sends.filter((send) => send.connection === connection && send.message[0] === tag).map((send) => send.message as never);
}

/** What was granted in a turn: `[connection, grant, attempt, task numbers]`. */
export function grants(turn: Turn): [connection: string, grant: number, attempt: number, numbers: number[]][] {
  return turn.sends.flatMap(({ connection, message }) =>
    message[0] === 'work' ? [[connection, message[1], message[2], message[3].map(([n]) => n)] as [string, number, number, number[]]] : [],
  );
}
