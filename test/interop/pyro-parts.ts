/** Proxies of objects of Python, and their server. */
import { onTestFinished } from 'vitest';
import { type ProxyOptions, proxy, release } from '../../src/remote/index.ts';
import { type PyroServer, type PyroServerOptions, pyroServer } from './python.ts';

/** What Python's `Music` is to a caller. */
export interface Music {
  volume: number;
  readonly closed: number;
  add(...args: unknown[]): number;
  echo<T>(value: T): T;
  kind(value: unknown): string;
  length(bytes: Uint8Array): number[];
  named(...args: unknown[]): unknown;
  fail(text?: string): never;
  fail_own(): never;
  fail_naming(): never;
  fail_key(): never;
  sleep(seconds: number): number;
  /** `held`: not before `go()`. */
  note(item: unknown, held?: boolean): void;
  quiet(item: unknown, held?: boolean): void;
  go(): void;
  log(): unknown[];
  song(index: number): { title(): Promise<string> };
  count(to: number): AsyncIterableIterator<number>;
  broken(): AsyncIterableIterator<number>;
  who(listener: object): unknown;
  who_fails(listener: object): unknown;
  many(listener: object, times: number): unknown;
  big(size: number): string;
  forged(): unknown;
  point(): unknown;
}

export function open<T = Music>(uri: string, options: ProxyOptions = {}): ReturnType<typeof proxy<T>> {
  const remote = proxy<T>(uri, { timeout: 20, ...options });
  onTestFinished(() => release(remote));
  return remote;
}

export async function music(
  options: PyroServerOptions = {},
  settings: ProxyOptions = {},
): Promise<[ReturnType<typeof open<Music>>, PyroServer]> {
  const server = await pyroServer(options);
  return [open(server.music, settings), server];
}

export async function failure(promise: PromiseLike<unknown>): Promise<Error & { code?: string }> {
  const settled = await Promise.allSettled([promise]);
  if (settled[0].status === 'rejected') return settled[0].reason as Error;
  throw new Error(`it gave ${JSON.stringify(settled[0].value)}`);
}
