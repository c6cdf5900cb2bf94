/**
 * One attempt of a task as its runner sees it: what it reads lies here, a folder is made when it is asked for, and what it says goes on. Made for each of many
 * tiny tasks, so it holds no more than it must, and looks up the rest in what came over the wire.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MillraceError } from '../../base/errors.ts';
import type { ObjectKind, Opaque } from '../../protocol/graph-messages.ts';
import type { WireInput, WireRun } from '../../protocol/graph-work.ts';
import type { GraphBytes, GraphExecution, GraphInput, GraphOutputSpec } from '../graph-task-runner.ts';
import type { ObjectStore, StoredContent } from './store.ts';

/** What a task says with `debug` is kept up to so many characters, its end. */
export const longestDebug = 65_536;

export const kinds: readonly ObjectKind[] = ['blob', 'directory'];

export interface RunParts {
  readonly store: ObjectStore;
  progress(run: number, value: Opaque): void;
  /** The content of this object was changed by a task. */
  spoiled(n: number): void;
}

class RunInput implements GraphInput {
  readonly #wire: WireInput;
  readonly content: GraphBytes;
  readonly size: number;

  constructor(wire: WireInput, stored: StoredContent) {
    this.#wire = wire;
    this.content = stored.now;
    this.size = stored.size;
  }

  get object(): number {
    return this.#wire[1];
  }

  get label(): string | null {
    return this.#wire[2];
  }

  get kind(): ObjectKind {
    return kinds[this.#wire[3]]!;
  }

  get contentType(): string | null {
    return this.#wire[4];
  }

  get attributes(): Opaque | null {
    return this.#wire[7];
  }

  get info(): Opaque | null {
    return this.#wire[8];
  }
}

export class Execution implements GraphExecution {
  readonly #wire: WireRun;
  readonly #parts: RunParts;
  readonly #used: StoredContent[] = [];
  readonly inputs: readonly GraphInput[];
  /** Made when somebody asks for the signal: most tasks never do, and it costs more than a tiny one. */
  #abort: AbortController | null = null;
  #stopped: MillraceError | null = null;
  #whenAborted: ((error: MillraceError) => void) | null = null;
  #said = '';
  #sandbox: string | null = null;
  #sandboxMade = false;

  /** @throws ERR_NOT_FOUND */
  constructor(wire: WireRun, parts: RunParts) {
    this.#wire = wire;
    this.#parts = parts;
    try {
      this.inputs = wire[5].map((input) => {
        const stored = parts.store.use(input[0]);
        this.#used.push(stored);
        return new RunInput(input, stored);
      });
    } catch (error) {
      this.clean();
      throw error;
    }
  }

  get session(): number {
    return this.#wire[1];
  }

  get task(): number {
    return this.#wire[2];
  }

  get type(): string {
    return this.#wire[3];
  }

  get config(): Opaque | null {
    return this.#wire[4];
  }

  get name(): string | null {
    return this.#wire[7]?.name ?? null;
  }

  get cpus(): number {
    return this.#wire[7]?.cpus ?? 1;
  }

  get attributes(): Opaque | null {
    return this.#wire[7]?.attributes ?? null;
  }

  get outputs(): readonly GraphOutputSpec[] {
    return this.#wire[6].map(([, object, label, kind, contentType, attributes]) => ({
      object,
      label,
      kind: kinds[kind]!,
      contentType,
      attributes,
    }));
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#stopped !== null) this.#abort.abort(this.#stopped);
    }
    return this.#abort.signal;
  }

  /** What it has said with `debug`. */
  get said(): string {
    return this.#said;
  }

  whenAborted(act: (error: MillraceError) => void): void {
    this.#whenAborted = act;
    if (this.#stopped !== null) act(this.#stopped);
  }

  abort(error: MillraceError): void {
    this.#stopped ??= error;
    this.#abort?.abort(error);
    this.#whenAborted?.(error);
  }

  sandboxPath(): string {
    this.#sandbox ??= join(this.#parts.store.folder, `run-${this.#wire[0]}`);
    return this.#sandbox;
  }

  sandbox(): string {
    const path = this.sandboxPath();
    if (!this.#sandboxMade) mkdirSync(path, { mode: 0o700 });
    this.#sandboxMade = true;
    return path;
  }

  sandboxUnmade(): void {
    if (!this.#sandboxMade) this.#sandbox = null;
  }

  room(size: number): Buffer {
    return this.#parts.store.room(size);
  }

  spoiled(at: number): void {
    this.#parts.spoiled(this.#wire[5][at]![0]);
  }

  debug(line: string): void {
    this.#said = `${this.#said}${this.#said === '' ? '' : '\n'}${line}`.slice(-longestDebug);
  }

  progress(value: Opaque): void {
    this.#parts.progress(this.#wire[0], value);
  }

  /** Nothing of it runs any more. Never throws: its end is told with it, and those of others after it. */
  clean(): void {
    for (let at = 0; at < this.#used.length; at++) this.#parts.store.release(this.#used[at]!);
    this.#used.length = 0;
    if (this.#sandbox !== null) this.#parts.store.remove(this.#sandbox);
    this.#sandbox = null;
    this.#sandboxMade = false;
  }
}
