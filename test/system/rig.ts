/**
 * The rig of the system tests: real threads on real sockets and files, each stopped when its test has finished, whatever became of it.
 *
 * The library is imported as its users have it, built: worker threads cannot load the sources.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import {
  type ClientOptions,
  ClientThread,
  type MillraceError,
  type RunLocalOptions,
  runLocal,
  type ServerOptions,
  ServerThread,
  type Source,
  type Summary,
  type TaskResult,
} from '../../dist/index.js';
import { TcpProxy } from '../support/tcp-proxy.mjs';
import { until } from '../support/until.ts';

export { isAlive } from '../support/processes.ts';

// Real processes on a machine that does other things too. A file may say otherwise.
vi.setConfig({ testTimeout: 60_000 });

/** The module of functions that the tests call. */
export const functions: URL = new URL('./fixtures/functions.mjs', import.meta.url);

/** A server on a free port of loopback. */
export async function startServer(options: ServerOptions = {}): Promise<ServerThread> {
  const server = await ServerThread.new({ address: ['localhost', 0], ...options });
  onTestFinished(() => server.stop({ timeout: 5 }));
  return server;
}

/** A client of this server, in this process; its commands get little time to end when they must. */
export async function startClient(server: ServerThread, options: ClientOptions = {}): Promise<ClientThread> {
  const client = await ClientThread.new({ address: server.address, taskSignalwait: 0.2, ...options });
  onTestFinished(() => client.stop({ timeout: 5 }));
  return client;
}

/** A server that goes on until the test ends, with one client. */
export async function startPair(
  serverOptions: ServerOptions = {},
  clientOptions: ClientOptions = {},
): Promise<{ server: ServerThread; client: ClientThread }> {
  const server = await startServer({ foreverMode: true, ...serverOptions });
  return { server, client: await startClient(server, clientOptions) };
}

/** Run a source here and give its summary with its results in the order of the source. */
export async function runAll(source: Source, options: RunLocalOptions = {}): Promise<{ summary: Summary; results: TaskResult[] }> {
  const results: TaskResult[] = [];
  const summary = await runLocal(source, { numTasks: 2, taskSignalwait: 0.2, onResult: (result) => void results.push(result), ...options });
  // An id begins with the time and the number of its task.
  return { summary, results: results.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** What a promise rejects with, and after how many ms. */
export async function failureOf(call: () => Promise<unknown>): Promise<{ error: MillraceError; ms: number }> {
  const start = performance.now();
  try {
    await call();
  } catch (error) {
    return { error: error as MillraceError, ms: performance.now() - start };
  }
  throw new Error('it was expected to reject, and did not');
}

/** The same of `join()` and its like, with the handle stopped should the call resolve. */
export async function codeOf(call: () => Promise<unknown>): Promise<string> {
  return (await failureOf(call)).error.code;
}

/** The numbers in a file, one a line; empty while there is no file. */
export function pidsIn(path: string): number[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number) : [];
}

/** A network to this port of loopback, closed when the test has finished. */
export async function openProxy(port: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.open(port);
  onTestFinished(() => proxy.close());
  return proxy;
}

/** Another Node process; its lines are JSON. Killed when the test has finished. */
export interface Program {
  readonly pid: number;
  /** What it wrote so far. */
  readonly lines: unknown[];
  readonly exit: Promise<number | null>;
  /** What it told last under this name. */
  last(name: string): unknown;
  tell(word: string): void;
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** A script of `fixtures/`, or a server or client (`serve.mjs`, `work.mjs`); `wrapper`: the words of a command that runs it. */
export function startProgram(name: string, options: unknown, wrapper: readonly string[] = []): Program {
  const folder = name === 'serve.mjs' || name === 'work.mjs' ? '../support/parts' : './fixtures';
  const path = fileURLToPath(new URL(`${folder}/${name}`, import.meta.url));
  const [program = '', ...words] = [...wrapper, process.execPath, path, JSON.stringify(options)];
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {});
  const lines: unknown[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) lines.push(JSON.parse(line));
  });
  const exit = once(child, 'close').then(([code]) => code as number | null);
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    child.kill(signal);
    await exit;
  };
  onTestFinished(() => kill());
  const facts = lines as Record<string, unknown>[];
  const last = (name: string): unknown => facts.findLast((fact) => Object.hasOwn(fact, name))?.[name];
  return { pid: child.pid ?? 0, lines, exit, last, tell: (word) => void child.stdin.write(`${word}\n`), kill };
}

/** A server in a process of its own, which listens. */
export async function startServerProgram(options: ServerOptions, wrapper?: readonly string[]): Promise<Program> {
  const program = startProgram('serve.mjs', options, wrapper);
  await until(() => program.lines.length > 0, 'the server', 30_000);
  return program;
}

/** Everything of an iterable. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Succeeded tasks once their number has not changed for a while: the run is held. */
export async function standstill(server: ServerThread, limitMs: number): Promise<number> {
  let last = -1;
  let still = 0;
  await until(
    async () => {
      const { succeeded } = await server.progress();
      still = succeeded > 0 && succeeded === last ? still + 1 : 0;
      last = succeeded;
      return still > 60;
    },
    'the run to stand still',
    limitMs,
  );
  return last;
}
