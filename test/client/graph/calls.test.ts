/** Calls of functions in a client's graph work: what goes to a thread together, and what becomes of those that wait there. */
import { expect, onTestFinished, test } from 'vitest';
import { MillraceError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/log.ts';
import { GraphWork } from '../../../src/client/graph/work.ts';
import type { GraphCallEnds, GraphCalls, GraphExecution, GraphOutcome, GraphTaskRunner } from '../../../src/client/graph-task-runner.ts';
import { parseClientOptions } from '../../../src/config/client.ts';
import type { WireEnd, WireOrders, WireRun } from '../../../src/protocol/graph-work.ts';
import { VirtualClock } from '../../../src/testing/clock.ts';

const outcome: GraphOutcome = { outputs: [], attributes: null };

/** Calls that were given to a thread together: the first that has not ended runs. */
class Given {
  readonly tasks: number[];
  readonly #executions: readonly GraphExecution[];
  readonly #ends: GraphCallEnds;
  readonly #open: Set<number>;
  /** Tasks that were told to end. */
  readonly aborted: number[] = [];

  constructor(executions: readonly GraphExecution[], ends: GraphCallEnds) {
    this.#executions = executions;
    this.#ends = ends;
    this.tasks = executions.map(({ task }) => task);
    this.#open = new Set(executions.keys());
    for (const execution of executions) execution.whenAborted(() => void this.aborted.push(execution.task));
  }

  /** The one that runs ends, after so long. */
  end(durationMs: number, how: GraphOutcome | MillraceError = outcome): void {
    const [at] = this.#open;
    this.#open.delete(at!);
    this.#ends.ended(at!, how, 0, durationMs);
    if (this.#open.size === 0) this.#ends.over();
  }

  endAll(durationMs: number): void {
    while (this.#open.size > 0) this.end(durationMs);
  }

  say(): void {
    const [at] = this.#open;
    this.#executions[at!]!.progress('"half"');
  }

  /** None of them begins. */
  refuse(): void {
    for (const at of [...this.#open]) this.#ends.returned(at);
    this.#ends.over();
  }

  relieve(): void {
    for (const at of [...this.#open].slice(1)) {
      this.#open.delete(at);
      this.#ends.returned(at);
    }
  }
}

class Setting {
  readonly clock = new VirtualClock();
  readonly given: Given[] = [];
  readonly sent: [name: string, value: unknown][] = [];
  readonly work: GraphWork;
  #free: number[];
  #wishes: number[] = [];
  #runs = 0;

  constructor(slots: number) {
    this.#free = Array.from({ length: slots }, (_, at) => at);
    const { config } = parseClientOptions({});
    const runner: GraphTaskRunner = {
      run: () => outcome,
      call: (executions, ends): GraphCalls => {
        const given = new Given(executions, ends);
        this.given.push(given);
        return given;
      },
      forget: () => {},
      close: async () => {},
    };
    this.work = new GraphWork(
      {
        id: 'c',
        config,
        slots,
        spoolFolder: '/nowhere',
        clock: this.clock,
        logger: silentLogger,
        online: () => true,
        feed: (event) => {
          if (event.type === 'borrow') this.#wishes.push(event.key);
          if (event.type === 'borrow-off') this.#wishes = this.#wishes.filter((key) => key !== event.key);
          if (event.type === 'return') this.#free.push(event.slot);
        },
        send: (name, value) => void this.sent.push([name, value]),
        ask: async () => null,
      },
      runner,
    );
    onTestFinished(() => this.work.close());
  }

  orders(orders: Partial<WireOrders>): void {
    const none = { acknowledged: 0, refused: [], cancel: [], drop: [], runs: [], forget: [], recall: 0 };
    this.work.orders({ ...none, ...orders });
  }

  /** So many calls of the function with this name; their numbers follow one another. Slots are lent to them as far as there are any. */
  async calls(count: number, name = 'f', type = 'function'): Promise<void> {
    const runs = Array.from({ length: count }, (): WireRun => {
      const number = ++this.#runs;
      return [number, 1, number, type, null, [], [], { name }];
    });
    this.orders({ runs });
    await this.turn();
  }

  /** All that a turn of the client does. */
  async turn(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const key = this.#free.length > 0 ? this.#wishes.shift() : undefined;
      if (key === undefined) return;
      this.work.lent(this.#free.shift()!, key);
    }
  }

  /** So that calls are known to be short. */
  async learn(): Promise<void> {
    await this.calls(1);
    this.given.pop()!.endAll(0.01);
    await this.turn();
    this.sent.length = 0;
  }

  told(name: string): unknown[] {
    return this.sent.filter(([own]) => own === name).map(([, value]) => value);
  }

  /** Runs of which the server was told that they ended well. */
  get ended(): number[] {
    const ends = this.told('graph.ended').flatMap((value) => (value as { ends: WireEnd[] }).ends);
    return ends.filter(([, kind]) => kind === 0).map(([run]) => run);
  }

  get tasks(): number[][] {
    return this.given.map(({ tasks }) => tasks);
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

test('calls go to a thread one by one until they are known to be short, then as many as are 2 ms of work', async () => {
  const setting = new Setting(1);
  await setting.calls(300);
  expect(setting.tasks).toEqual([[1]]);
  setting.given[0]!.endAll(0.1);
  await setting.turn();
  expect(setting.tasks.at(-1)).toEqual(range(2, 21));
  setting.given[1]!.endAll(0.1);
  await setting.turn();
  expect(setting.tasks.at(-1)).toEqual(range(22, 41));
});

test('one slow call among many leaves the others together, and slow ones go alone again', async () => {
  const setting = new Setting(1);
  await setting.learn();
  await setting.calls(100);
  setting.given[0]!.end(1);
  setting.given[0]!.endAll(0.01);
  await setting.calls(100);
  expect(setting.given[1]!.tasks.length).toBeGreaterThan(10);
  for (let i = 0; i < 5; i++) setting.given[1]!.end(1_000);
  setting.given[1]!.endAll(1_000);
  await setting.calls(10);
  expect(setting.given[2]!.tasks).toHaveLength(1);
});

test('slots that are free have their part of them, and what came before a call begins before it', async () => {
  const setting = new Setting(3);
  await setting.learn();
  await setting.calls(9);
  expect(setting.tasks).toEqual([range(2, 4), range(5, 7), range(8, 10)]);
  for (const given of [...setting.given]) given.endAll(0.01);
  await setting.turn();
  const single = new Setting(1);
  await single.learn();
  await single.calls(1);
  await single.calls(2);
  await single.calls(1, 'x', 'builtin/concat');
  await single.calls(2);
  single.given[0]!.endAll(0.01);
  await single.turn();
  expect(single.tasks).toEqual([[2], [3, 4]]);
  single.given[1]!.endAll(0.01);
  await single.turn();
  expect(single.tasks.at(-1)).toEqual([6, 7]);
});

test('what waits behind a call that takes long comes back after 20 ms, and begins in its order on the next free slot', async () => {
  const setting = new Setting(2);
  await setting.learn();
  await setting.calls(20);
  expect(setting.tasks).toEqual([range(2, 11), range(12, 21)]);
  setting.given[0]!.end(0.01);
  setting.clock.advance(19);
  await setting.turn();
  expect(setting.given).toHaveLength(2);
  setting.clock.advance(1);
  setting.given[1]!.endAll(30);
  await setting.turn();
  expect(setting.tasks[2]).toEqual([4]);
  setting.given[0]!.end(30);
  await setting.turn();
  expect(setting.tasks[3]).toEqual([5]);
});

test('a call is said to run when it does: alone at once, of several the one that is left or that speaks', async () => {
  const setting = new Setting(1);
  await setting.calls(1);
  expect(setting.told('graph.begun')).toEqual([{ runs: [1] }]);
  setting.given[0]!.endAll(0.01);
  await setting.turn();
  setting.sent.length = 0;
  await setting.calls(5);
  expect(setting.told('graph.begun')).toEqual([]);
  setting.given[1]!.end(0.01);
  setting.given[1]!.say();
  await setting.turn();
  expect(setting.told('graph.begun')).toEqual([{ runs: [3] }]);
  setting.given[1]!.end(0.01);
  setting.clock.advance(20);
  await setting.turn();
  expect(setting.told('graph.begun')).toEqual([{ runs: [3] }, { runs: [4] }]);
  expect(setting.told('graph.words')).toEqual([{ words: [[3, '"half"']] }]);
});

test('a client that leaves gives back what has not begun, and one that is asked for work gives it too; what runs goes on', async () => {
  const setting = new Setting(1);
  await setting.learn();
  await setting.calls(4);
  setting.orders({ recall: 2 });
  expect(setting.told('graph.back')).toEqual([{ runs: [4, 5] }]);
  setting.work.leave(false);
  expect(setting.told('graph.back').slice(1)).toEqual([{ runs: [3] }]);
  expect(setting.given[0]!.aborted).toEqual([]);
  setting.given[0]!.end(1);
  await setting.turn();
  expect(setting.ended).toEqual([2]);
  expect(setting.tasks).toEqual([[2, 3, 4, 5]]);
});

test('what comes back to a client that leaves is given back, and what runs there is stopped when it leaves at once', async () => {
  const setting = new Setting(1);
  await setting.learn();
  await setting.calls(3);
  setting.work.leave(true);
  expect(setting.told('graph.back')).toEqual([{ runs: [2, 3, 4] }]);
  expect(setting.given[0]!.aborted).toEqual([2]);
  const other = new Setting(1);
  await other.learn();
  await other.calls(1);
  other.work.leave(false);
  // No thread could be had for it.
  other.given[0]!.refuse();
  expect(other.told('graph.back')).toEqual([{ runs: [2] }]);
});

test('calls that are cancelled are told so, one by one, and nobody hears of their ends', async () => {
  const setting = new Setting(1);
  await setting.learn();
  await setting.calls(5);
  setting.orders({ cancel: [2, 4] });
  expect(setting.given[0]!.aborted).toEqual([2, 4]);
  setting.given[0]!.end(1, new MillraceError('ERR_ABORTED', 'the task was stopped'));
  setting.given[0]!.endAll(0.01);
  await setting.turn();
  expect(setting.ended).toEqual([3, 5, 6]);
});

test('calls do not take more than 1 MiB of inputs to a thread at once', async () => {
  const setting = new Setting(1);
  await setting.learn();
  const bytes = Buffer.alloc(300_000);
  const runs = range(2, 11).map((number): WireRun => {
    const code = [1, 1, null, 0, null, 5, Buffer.from('code!'), null, null] as const;
    const input = [number + 1_000, 2, null, 0, null, bytes.length, bytes, null, null] as const;
    return [number, 1, number, 'function', null, [code, input], [], { name: 'f' }];
  });
  setting.orders({ runs: runs.slice(0, 1) });
  await setting.turn();
  setting.given[0]!.endAll(0.01);
  await setting.turn();
  setting.orders({ runs: runs.slice(1) });
  await setting.turn();
  expect(setting.tasks.at(-1)).toHaveLength(4);
});
