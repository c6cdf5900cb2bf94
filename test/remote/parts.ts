/** Daemons and proxies of tests: whatever a test opened is closed when it has finished. */
import { onTestFinished } from 'vitest';
import { Daemon, type DaemonOptions, type ProxyOptions, proxy, type Remote, release } from '../../src/remote/index.ts';

export const auth = 'a key for these tests';

export async function openDaemon(options: DaemonOptions = {}): Promise<Daemon> {
  const daemon = await Daemon.new({ address: { host: '127.0.0.1', port: 0 }, auth, ...options });
  onTestFinished(() => daemon.stop());
  return daemon;
}

export function openProxy<T>(uri: string, options: ProxyOptions = {}): Remote<T> {
  const remote = proxy<T>(uri, { auth, timeout: 10, ...options });
  onTestFinished(() => release(remote));
  return remote;
}

/** The error of a promise that must not be kept. */
export async function failure(promise: PromiseLike<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it succeeded');
}

export class Calculator {
  memory = 0;
  readonly #secret: string = 'hidden';
  add(a: number, b: number): number {
    return a + b;
  }
  async later<T>(value: T): Promise<T> {
    return value;
  }
  divide(a: number, b: number): number {
    if (b === 0) throw new RangeError('division by zero', { cause: new Error(`of ${a}`) });
    return a / b;
  }
  store(value: number): void {
    this.memory = value;
  }
  get stored(): number {
    return this.memory;
  }
  set stored(value: number) {
    this.memory = value;
  }
  echo(value: unknown): unknown {
    return value;
  }
  _private(): string {
    return this.#secret;
  }
}

/** A daemon with a calculator, and a proxy to it. */
export async function calculator(): Promise<{ daemon: Daemon; uri: string; remote: Remote<Calculator> }> {
  const daemon = await openDaemon();
  const uri = daemon.register(new Calculator(), 'calculator');
  return { daemon, uri, remote: openProxy<Calculator>(uri) };
}
