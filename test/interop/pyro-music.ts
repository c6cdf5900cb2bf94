/** Objects of ours that Python calls, and their daemon. */
import { onTestFinished } from 'vitest';
import { PyroDaemon, type PyroDaemonOptions, PythonError } from '../../src/remote/index.ts';
import { type PyroClient, pyroClient } from './python.ts';

export class Counter {
  static #made = 0;
  readonly number: number = ++Counter.#made;
  which(): number {
    return this.number;
  }
}

export class Music {
  #volume = 3;
  readonly log: unknown[] = [];
  closed = 0;
  readonly counter: Counter = new Counter();
  get volume(): number {
    return this.#volume;
  }
  set volume(value: number) {
    if (value > 11) throw new RangeError('it goes to eleven');
    this.#volume = value;
  }
  add(a: number, b: number | { b: number }): number {
    return a + (typeof b === 'object' ? b.b : b);
  }
  echo(value: unknown): unknown {
    return value;
  }
  kind(value: unknown): string {
    return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  }
  async later(ms: number, value: unknown): Promise<unknown> {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return value;
  }
  fail(kind: string): never {
    const text = `a ${kind}`;
    if (kind === 'type') throw new TypeError(text);
    if (kind === 'range') throw new RangeError(text);
    if (kind === 'key') throw new PythonError('builtins.KeyError', ['absent']);
    if (kind === 'coded') throw Object.assign(new Error(text), { code: 'E_OWN', depth: { a: [1] }, method: () => 1 });
    throw new Error(text);
  }
  unsayable(): unknown {
    return { deep: [new WeakMap()] };
  }
  note(item: unknown): void {
    this.log.push(item);
  }
  notes(): unknown[] {
    return this.log;
  }
  *count(to: number): Generator<number> {
    try {
      for (let i = 0; i < to; i += 1) yield i;
    } finally {
      this.closed += 1;
    }
  }
  async *broken(): AsyncGenerator<number> {
    yield 1;
    throw new RangeError('in the middle');
  }
  own(): Counter {
    return this.counter;
  }
  async ask(listener: { heard(text: string): Promise<string>; fails(): Promise<void> }): Promise<string> {
    const error = await listener.fails().catch((thrown: Error) => thrown);
    return `${await listener.heard('from Node')} ${error?.name}`;
  }
  _hidden(): string {
    return 'hidden';
  }
}

export async function open(options: PyroDaemonOptions = {}): Promise<{ daemon: PyroDaemon; music: Music; uri: string }> {
  const daemon = await PyroDaemon.new({ host: '127.0.0.1', ...options });
  onTestFinished(() => daemon.stop());
  const music = new Music();
  return { daemon, music, uri: daemon.register(music, 'music', { oneway: ['note'] }) };
}

export async function called(options: PyroDaemonOptions = {}): Promise<{ python: PyroClient; daemon: PyroDaemon; music: Music }> {
  const { uri, ...others } = await open(options);
  return { python: pyroClient(uri, options.auth ? { key: options.auth } : {}), ...others };
}

/** In Python: has `ask` of the music call an object of its own, at the `daemon` that `makeDaemon` says. */
export function askListener(makeDaemon: string): string {
  return `
class Listener(object):
    @Pyro4.expose
    def heard(self, text):
        return text + ", heard"
    @Pyro4.expose
    def fails(self):
        raise KeyError("x")
${makeDaemon}
listener = Listener()
daemon.register(listener)
thread = threading.Thread(target=daemon.requestLoop)
thread.start()
try:
    result = proxy.ask(listener)
finally:
    daemon.shutdown()
`;
}
