/** One run of a graph's task on this client: what it reads and makes, as its runner sees it. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorCode, errorCodes, MillraceError } from '../../base/errors.ts';
import type { ObjectKind, Opaque } from '../../protocol/graph-messages.ts';
import {
  type ClientGraphEvents,
  firstLasting,
  type WireEnd,
  type WireInput,
  type WireOutput,
  type WireRun,
} from '../../protocol/graph-work.ts';
import type { GraphExecution, GraphInput, GraphOutcome, GraphOutputSpec, GraphTaskRunner } from '../graph-task-runner.ts';
import type { ObjectStore } from './store.ts';

/** What a task says with `debug` is kept up to so many characters, its end. */
const longestDebug = 65_536;
const longestMessage = 8_192;

const kinds: readonly ObjectKind[] = ['blob', 'directory'];

export interface RunParts {
  readonly store: ObjectStore;
  progress(run: number, value: Opaque): void;
  /** The content of this object was changed by a task. */
  spoiled(n: number): void;
}

/** waiting: inputs are not here yet. ended: told, not acknowledged. */
export type RunState = 'waiting' | 'startable' | 'running' | 'ended' | 'cancelled';

export class GraphRun {
  readonly wire: WireRun;
  readonly number: number;
  readonly inputs: readonly WireInput[];
  readonly outputs: readonly WireOutput[];
  state: RunState = 'waiting';
  /** Different inputs that are not here. */
  missing = 0;
  end: WireEnd | null = null;
  readonly #parts: RunParts;
  /** Made when somebody asks for the signal: most tasks never do, and it costs more than a tiny one. */
  #abort: AbortController | null = null;
  #stopped: MillraceError | null = null;
  #debug = '';
  #sandbox: string | null = null;
  #sandboxMade = false;
  #releases: (() => void)[] = [];

  constructor(wire: WireRun, parts: RunParts) {
    this.wire = wire;
    this.number = wire[0];
    this.inputs = wire[5];
    this.outputs = wire[6];
    this.#parts = parts;
  }

  get debug(): string {
    return this.#debug;
  }

  /** It asks for one core and nothing else. */
  get plain(): boolean {
    const more = this.wire[7];
    return more === null || (more.cpus === undefined && more.memory === undefined && more.resources === undefined);
  }

  /** Everything that it reads or makes. */
  *objects(): Iterable<number> {
    for (const [n] of this.inputs) yield n;
    for (const [n] of this.outputs) yield n;
  }

  /** `lasting`: what runs or has run for a persistent session goes on, when its server is started again. */
  outlives(lasting: boolean): boolean {
    return lasting && this.number >= firstLasting && (this.state === 'running' || this.state === 'ended');
  }

  abort(error: MillraceError): void {
    this.#stopped ??= error;
    this.#abort?.abort(error);
  }

  begin(runner: GraphTaskRunner): GraphOutcome | Promise<GraphOutcome> {
    return runner.run(this.#execution());
  }

  /** Puts what was made into the store; its sizes and what it says of itself. @throws ERR_TASK for what does not fit */
  keep({ outputs }: GraphOutcome): [size: number, contentType: string | null, info: Opaque | null][] {
    const { store } = this.#parts;
    if (outputs.length !== this.outputs.length)
      throw new MillraceError('ERR_TASK', `the task gave ${outputs.length} outputs, ${this.outputs.length} were expected`);
    for (const [place, { kind }] of outputs.entries()) {
      const [, , label, wanted] = this.outputs[place]!;
      if (kind !== kinds[wanted])
        throw new MillraceError('ERR_TASK', `the output '${label}' expects a ${kinds[wanted]}, but a ${kind} was given`);
    }
    return outputs.map(({ content, contentType, attributes }, place) => {
      const [n, , , , specified] = this.outputs[place]!;
      if ('input' in content) {
        const input = this.inputs[content.input];
        if (input === undefined) throw new MillraceError('ERR_TASK', `the task has no input ${content.input} to pass on`);
        store.addSame(n, input[0]);
        return [store.sizeOf(n), contentType ?? input[4] ?? specified, attributes];
      }
      if (content.bytes === null) store.addFile(n, content.path);
      else store.addBytes(n, content.bytes);
      return [store.sizeOf(n), contentType ?? specified, attributes];
    });
  }

  failed(thrown: unknown, startedAt: number, durationMs: number): WireEnd {
    const error = MillraceError.from(thrown, 'ERR_TASK_FAILED');
    const code: ErrorCode = error.code in errorCodes ? error.code : 'ERR_INTERNAL';
    const { stderr } = error.details;
    const said = typeof stderr === 'string' ? stderr.slice(-longestDebug) : '';
    return [this.number, 1, code, error.message.slice(0, longestMessage), this.#debug, said, startedAt, durationMs];
  }

  /** Nothing of it runs any more. */
  clean(): void {
    for (const release of this.#releases) release();
    this.#releases = [];
    if (this.#sandbox !== null) rmSync(this.#sandbox, { recursive: true, force: true });
    this.#sandbox = null;
    this.#sandboxMade = false;
  }

  #execution(): GraphExecution {
    const [, session, task, type, config, inputs, outputs, more] = this.wire;
    const signal = (): AbortSignal => this.#signal();
    return {
      session,
      task,
      type,
      config,
      name: more?.name ?? null,
      cpus: more?.cpus ?? 1,
      attributes: more?.attributes ?? null,
      inputs: inputs.map((input) => this.#input(input)),
      outputs: outputs.map(
        ([, object, label, kind, contentType, attributes]): GraphOutputSpec => ({
          object,
          label,
          kind: kinds[kind]!,
          contentType,
          attributes,
        }),
      ),
      sandbox: () => this.#folder(),
      sandboxPath: () => this.#folderPath(),
      spoiled: (at) => this.#parts.spoiled(inputs[at]![0]),
      get signal() {
        return signal();
      },
      debug: (line) => {
        this.#debug = `${this.#debug}${this.#debug === '' ? '' : '\n'}${line}`.slice(-longestDebug);
      },
      progress: (value) => this.#parts.progress(this.number, value),
    };
  }

  #signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#stopped !== null) this.#abort.abort(this.#stopped);
    }
    return this.#abort.signal;
  }

  #input([n, object, label, kind, contentType, , , attributes, info]: WireInput): GraphInput {
    const { content, release } = this.#parts.store.use(n);
    this.#releases.push(release);
    return { object, label, kind: kinds[kind]!, contentType, size: this.#parts.store.sizeOf(n), content, attributes, info };
  }

  #folderPath(): string {
    this.#sandbox ??= join(this.#parts.store.folder, `run-${this.number}`);
    return this.#sandbox;
  }

  #folder(): string {
    const path = this.#folderPath();
    if (!this.#sandboxMade) mkdirSync(path, { mode: 0o700 });
    this.#sandboxMade = true;
    return path;
  }
}

/** Which tasks those of persistent sessions are of. */
export function claimsOf(runs: Iterable<GraphRun>): Pick<ClientGraphEvents['graph.held'], 'claims'> {
  const lasting = [...runs].filter(({ number, state }) => number >= firstLasting && state !== 'cancelled');
  return lasting.length === 0 ? {} : { claims: lasting.map(({ number, wire }) => [number, wire[1], wire[2]] as const) };
}
