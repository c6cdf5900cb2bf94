/**
 * The types of the public surface. They are checked by `npm run types`, which compiles this file: a wrong type, or a negative case that is
 * none, fails there. Run as tests they only say that the names exist.
 */
import type { Readable, Writable } from 'node:stream';
import { describe, expectTypeOf, it } from 'vitest';
import type * as millrace from '../../src/index.ts';
import type {
  ClientInfo,
  ClientOptions,
  ClientSummary,
  ClientThread,
  Explanation,
  FunctionContext,
  FunctionTask,
  MillraceError,
  Outcome,
  Progress,
  RunLocalOptions,
  ServerConnection,
  ServerOptions,
  ServerThread,
  Source,
  StoredTaskData,
  SubmitOptions,
  SubmitThread,
  Summary,
  TaskData,
  TaskInput,
  TaskLine,
  TaskOptions,
  TaskQuery,
  TaskRecord,
  TaskResult,
} from '../../src/index.ts';

/** Fails to compile unless the value fits; the checks of what must not fit are the expected errors. */
function takes<T>(_value: T): void {}

describe('handles', () => {
  it('are made ready, waited for with their summary, and disposable', () => {
    expectTypeOf<typeof ServerThread.new>().returns.resolves.toEqualTypeOf<ServerThread>();
    expectTypeOf<ServerThread['join']>().returns.resolves.toEqualTypeOf<Summary>();
    expectTypeOf<ClientThread['join']>().returns.resolves.toEqualTypeOf<ClientSummary>();
    expectTypeOf<typeof SubmitThread.new>().parameter(0).toEqualTypeOf<Source>();
    expectTypeOf<SubmitThread['count']>().toEqualTypeOf<number>();
    expectTypeOf<ServerThread>().toExtend<AsyncDisposable>();
    expectTypeOf<ClientThread>().toExtend<AsyncDisposable>();
    expectTypeOf<ClientThread['drain']>().returns.resolves.toBeVoid();
    expectTypeOf<ClientThread['interrupt']>().returns.resolves.toBeVoid();
    expectTypeOf<ClientThread['state']>().toEqualTypeOf<'connecting' | 'connected' | 'draining' | 'ended'>();
  });

  it('emit typed events', () => {
    const listen = (server: ServerThread, client: ClientThread): void => {
      server.on('completed', (results) => expectTypeOf(results).toEqualTypeOf<TaskResult[]>());
      server.on('started', (tasks) => expectTypeOf(tasks[0]!.clientId).toEqualTypeOf<string | null>());
      server.on('taskProgress', (said) => expectTypeOf(said[0]!.value).toBeUnknown());
      server.on('progress', (progress) => expectTypeOf(progress).toEqualTypeOf<Progress>());
      server.on('clientJoined', (info) => expectTypeOf(info).toEqualTypeOf<ClientInfo>());
      server.on('error', (error) => expectTypeOf(error).toEqualTypeOf<MillraceError>());
      client.on('state', (state) => expectTypeOf(state).toEqualTypeOf<ClientThread['state']>());
      // @ts-expect-error there is no such event
      server.on('finished', () => {});
    };
    expectTypeOf(listen).toBeFunction();
  });

  it('give what connect() gives too', () => {
    type Shared = 'submit' | 'run' | 'results' | 'progress' | 'clients' | 'cancel' | 'tasks';
    expectTypeOf<Pick<ServerThread, Shared>>().toExtend<Pick<ServerConnection, Shared>>();
    expectTypeOf<ServerConnection['close']>().returns.resolves.toBeVoid();
    expectTypeOf<typeof millrace.connect>().returns.resolves.toEqualTypeOf<ServerConnection>();
  });
});

describe('results', () => {
  it('carry the type of their value', () => {
    const run = async (server: ServerThread): Promise<void> => {
      expectTypeOf((await server.run<{ area: number }>('true')).value).toEqualTypeOf<{ area: number } | undefined>();
      expectTypeOf((await server.run('true')).value).toBeUnknown();
      for await (const result of server.results({ order: 'input' })) expectTypeOf(result).toEqualTypeOf<TaskResult>();
      // @ts-expect-error results come as completed or in the order of the input
      server.results({ order: 'random' });
    };
    expectTypeOf(run).toBeFunction();
    expectTypeOf<TaskResult['stdout']>().toEqualTypeOf<Buffer>();
    expectTypeOf<TaskResult['exitStatus']>().toEqualTypeOf<number | null>();
    expectTypeOf<TaskResult['signal']>().toEqualTypeOf<NodeJS.Signals | null>();
    expectTypeOf<TaskResult['outcome']>().toEqualTypeOf<Outcome>();
    expectTypeOf<TaskResult['peakMemory']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<Outcome>().toEqualTypeOf<'succeeded' | 'failed' | 'cancelled' | 'timeout' | 'lost' | 'rejected'>();
  });

  it('are counted', () => {
    expectTypeOf<Summary['duplicatesRefused']>().toBeNumber();
    expectTypeOf<Progress>().toExtend<Summary>();
    expectTypeOf<Progress['etaMs']>().toEqualTypeOf<number | null>();
  });
});

describe('tasks', () => {
  it('are lines, commands or functions', () => {
    takes<TaskInput>('echo');
    takes<TaskInput>({ args: 'echo', cores: 2, memory: '8G', timeout: '5m', tags: { site: 'north', run: 7, ok: true, none: null } });
    takes<TaskInput>({ module: new URL('file:///work.js'), name: 'area', args: [1, 2], dependsOn: ['x'], dependencyFailure: 'run' });
    takes<TaskOptions>({ startAfter: new Date(), backoff: { delay: '1s', factor: 2 }, cron: '0 3 * * *', timezone: 'Europe/Berlin' });
    // @ts-expect-error a command line is a text
    takes<TaskInput>({ args: 7 });
    // @ts-expect-error there is no such option
    takes<TaskInput>({ args: 'echo', timeOut: 5 });
    // @ts-expect-error a dependency that failed rejects or runs
    takes<TaskInput>({ args: 'echo', dependencyFailure: 'ignore' });
  });

  it('are made of typed functions', () => {
    type Area = (width: number, height: number) => number;
    expectTypeOf<ReturnType<typeof millrace.task<Area>>>().toEqualTypeOf<(width: number, height: number) => FunctionTask>();
    expectTypeOf<FunctionContext['signal']>().toEqualTypeOf<AbortSignal>();
    expectTypeOf<FunctionContext['progress']>().parameters.toEqualTypeOf<[value: unknown]>();
    expectTypeOf<typeof millrace.functionContext>().returns.toEqualTypeOf<FunctionContext | undefined>();
    expectTypeOf<typeof millrace.readValue>().returns.resolves.toBeUnknown();
  });

  it('come from any source', () => {
    takes<Source>('tasks.txt');
    takes<Source>(new URL('file:///tasks.jsonl'));
    takes<Source>(['a', { args: 'b' }]);
    expectTypeOf<Readable>().toExtend<Source>();
    expectTypeOf<AsyncGenerator<TaskInput>>().toExtend<Source>();
    // @ts-expect-error a number is no source
    takes<Source>(7);
  });
});

describe('options', () => {
  it('of a server', () => {
    takes<ServerOptions>({ limits: { key: 'tenant', concurrency: 4, rate: '10/s' }, retain: { count: 10, age: '1h' }, resume: 'failed' });
    takes<ServerOptions>({ limits: [{ key: 'a', concurrency: 1 }], redirectFailures: (args: string) => args.length, joblog: 'log' });
    takes<ServerOptions>({ onResult: async ({ value }) => void expectTypeOf(value).toBeUnknown(), address: ['localhost', 0], tls: true });
    expectTypeOf<Writable>().toExtend<NonNullable<ServerOptions['redirectFailures']>>();
    // @ts-expect-error a limit has a key
    takes<ServerOptions>({ limits: { concurrency: 4 } });
    // @ts-expect-error there is no such option
    takes<ServerOptions>({ evictafter: 60 });
  });

  it('of a client', () => {
    takes<ClientOptions>({ capture: ({ stream, line }) => void expectTypeOf([stream, line]).toEqualTypeOf<string[]>() });
    takes<ClientOptions>({ capture: async (line: TaskLine) => void line.slot, redirectOutput: 'out.txt', walltime: '1h' });
    takes<ClientOptions>({
      capture: 'files',
      monitor: { interval: '500ms', series: false },
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    // @ts-expect-error this is how it is told inside
    takes<ClientOptions>({ capture: 'lines' });
    // @ts-expect-error times are numbers or texts
    takes<ClientOptions>({ clientTimeout: new Date() });
  });

  it('of a submission and of a run here', () => {
    takes<SubmitOptions>({ key: 'content', group: 1, template: 'echo {}', strict: true });
    // @ts-expect-error the only word is 'content'
    takes<SubmitOptions>({ key: 'mine' });
    takes<RunLocalOptions>({ numTasks: 0, maxRetries: 2, database: 'tasks.db', capture: 'none' });
    // @ts-expect-error no port is opened
    takes<RunLocalOptions>({ address: 'localhost:1' });
  });
});

describe('task data', () => {
  it('is asked by typed queries', () => {
    takes<TaskQuery>({ where: ['duration >= 5', ['exitStatus', '!=', 0]], tags: ['site:north'], outcome: 'failed', orderBy: 'durationMs' });
    takes<TaskQuery>({ where: 'args ~ ^echo', tags: { site: 'north', run: undefined }, state: 'done', desc: true, limit: 5 });
    // @ts-expect-error there is no such outcome
    takes<TaskQuery>({ outcome: 'done' });
    // @ts-expect-error there is no such operator
    takes<TaskQuery>({ where: [['duration', '=>', 5]] });
    expectTypeOf<ReturnType<TaskData['find']>>().toEqualTypeOf<AsyncIterable<TaskRecord>>();
    expectTypeOf<TaskData['explain']>().returns.resolves.toEqualTypeOf<Explanation>();
    expectTypeOf<TaskRecord['state']>().toEqualTypeOf<'waiting' | 'ready' | 'leased' | 'running' | 'done'>();
  });

  it('of a file can do more than that of a server', () => {
    expectTypeOf<typeof millrace.openTasks>().returns.resolves.toEqualTypeOf<StoredTaskData>();
    expectTypeOf<StoredTaskData>().toExtend<TaskData>();
    expectTypeOf<StoredTaskData>().toHaveProperty('rotate');
    expectTypeOf<ServerThread['tasks']>().toEqualTypeOf<TaskData>();
    expectTypeOf<ServerThread['tasks']>().not.toHaveProperty('rotate');
    expectTypeOf<TaskData['update']>().parameter(1).toHaveProperty('removeTags');
    // @ts-expect-error only tags can be changed
    expectTypeOf<TaskData['update']>().toBeCallableWith({}, { priority: 3 });
  });
});
