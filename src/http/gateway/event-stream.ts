/**
 * Events of the server to whoever listens over HTTP, as server-sent events. The server makes only those that somebody wants. A listener that reads too
 * slowly is cut off: it comes again and asks how things stand.
 */
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import type { Backend } from './backend.ts';
import { taskJson } from './task-json.ts';

/** What may wait for a listener (bytes). */
const mostWaiting = 2 ** 20;
/** A sign of life when nothing happens (ms): connections through proxies are kept by it. */
const quiet = 15_000;

export class EventStream {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #listeners: Map<ServerResponse, ReadonlySet<string>> = new Map();
  #stopQuiet: () => void = () => {};

  constructor(backend: Backend, clock: Clock) {
    this.#backend = backend;
    this.#clock = clock;
    backend.onEvent((name, value) => this.tell(name, value));
    this.#beat();
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  add(outgoing: ServerResponse, names: readonly string[]): void {
    outgoing.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
    outgoing.write(': hello\n\n');
    this.#listeners.set(outgoing, new Set(names));
    outgoing.once('close', () => {
      this.#listeners.delete(outgoing);
      this.#listen();
    });
    this.#listen();
  }

  tell(name: string, value: unknown): void {
    let text: string | null = null;
    for (const [outgoing, names] of this.#listeners) {
      if (!names.has(name)) continue;
      text ??= `event: ${name}\ndata: ${JSON.stringify(shown(name, value))}\n\n`;
      this.#write(outgoing, text);
    }
  }

  close(): void {
    this.#stopQuiet();
    for (const outgoing of this.#listeners.keys()) outgoing.end();
  }

  #write(outgoing: ServerResponse, text: string): void {
    if (outgoing.writableLength > mostWaiting) outgoing.destroy();
    else outgoing.write(text);
  }

  #beat(): void {
    this.#stopQuiet = this.#clock.after(
      quiet,
      () => {
        for (const outgoing of this.#listeners.keys()) this.#write(outgoing, ': quiet\n\n');
        this.#beat();
      },
      { unref: true },
    );
  }

  #listen(): void {
    this.#backend.listen([...new Set([...this.#listeners.values()].flatMap((names) => [...names]))]);
  }
}

function shown(name: string, value: unknown): unknown {
  return name === 'completed' ? (value as object[]).map((result) => taskJson(result, false)) : value;
}
