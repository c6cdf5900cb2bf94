/** One run of a graph's task on this client: what it reads and makes, as its runner sees it. */
import { type ErrorCode, errorCodes, MillraceError } from '../../base/errors.ts';
import type { Opaque } from '../../protocol/graph-messages.ts';
import {
  type ClientGraphEvents,
  firstLasting,
  type WireEnd,
  type WireInput,
  type WireOutput,
  type WireRun,
} from '../../protocol/graph-work.ts';
import { taskTypes } from '../../session/task-types.ts';
import type { GraphOutcome } from '../graph-task-runner.ts';
import { Execution, kinds, longestDebug, type RunParts } from './execution.ts';

const longestMessage = 8_192;

/** waiting: inputs are not here yet. placed: in a thread with others, where it begins when its turn comes. ended: told, not acknowledged. */
export type RunState = 'waiting' | 'startable' | 'placed' | 'running' | 'ended' | 'cancelled';

export class GraphRun {
  readonly wire: WireRun;
  readonly number: number;
  readonly inputs: readonly WireInput[];
  readonly outputs: readonly WireOutput[];
  state: RunState = 'waiting';
  /** Its place among those that could start. */
  turn = 0;
  /** Different inputs that are not here. */
  missing = 0;
  end: WireEnd | null = null;
  readonly #parts: RunParts;
  /** From its beginning until nothing of it runs any more. */
  #execution: Execution | null = null;

  constructor(wire: WireRun, parts: RunParts) {
    this.wire = wire;
    this.number = wire[0];
    this.inputs = wire[5];
    this.outputs = wire[6];
    this.#parts = parts;
  }

  get debug(): string {
    return this.#execution?.said ?? '';
  }

  /** It asks for one core and nothing else. */
  get plain(): boolean {
    const more = this.wire[7];
    return more === null || (more.cpus === undefined && more.memory === undefined && more.resources === undefined);
  }

  /** It is a call of a function. */
  get isCall(): boolean {
    return this.wire[3] === taskTypes.function;
  }

  /** Calls of one function have the same: its code, and its name. */
  get family(): string {
    return `${this.inputs[0]?.[0]} ${this.wire[7]?.name ?? ''}`;
  }

  /** It is still to be given to a runner. */
  get isToBeGiven(): boolean {
    return this.state === 'waiting' || this.state === 'startable';
  }

  /** A runner has it, and its end was not told. */
  get isGiven(): boolean {
    return this.state === 'running' || this.state === 'placed';
  }

  /** Everything that it reads or makes. */
  each(visit: (n: number) => void): void {
    for (let at = 0; at < this.inputs.length; at++) visit(this.inputs[at]![0]);
    for (let at = 0; at < this.outputs.length; at++) visit(this.outputs[at]![0]);
  }

  /** `lasting`: what runs or has run for a persistent session goes on, when its server is started again. */
  outlives(lasting: boolean): boolean {
    return lasting && this.number >= firstLasting && (this.isGiven || this.state === 'ended');
  }

  abort(error: MillraceError): void {
    this.#execution?.abort(error);
  }

  /** What its runner is given. @throws ERR_NOT_FOUND */
  prepare(): Execution {
    this.#execution = new Execution(this.wire, this.#parts);
    return this.#execution;
  }

  /** How it ended, unless what it made is not what is wanted. */
  made(given: GraphOutcome, startedAt: number, durationMs: number): WireEnd {
    try {
      return [this.number, 0, this.keep(given), given.attributes, this.debug, startedAt, durationMs];
    } catch (thrown) {
      return this.failed(thrown, startedAt, durationMs);
    }
  }

  /** Puts what was made into the store; its sizes and what it says of itself. @throws ERR_TASK for what does not fit */
  keep({ outputs }: GraphOutcome): [size: number, contentType: string | null, info: Opaque | null][] {
    const { store } = this.#parts;
    if (outputs.length !== this.outputs.length)
      throw new MillraceError('ERR_TASK', `the task gave ${outputs.length} outputs, ${this.outputs.length} were expected`);
    for (let place = 0; place < outputs.length; place++) {
      const { kind } = outputs[place]!;
      const wanted = kinds[this.outputs[place]![3]];
      if (kind !== wanted)
        throw new MillraceError('ERR_TASK', `the output '${this.outputs[place]![2]}' expects a ${wanted}, but a ${kind} was given`);
    }
    return outputs.map(({ content, contentType, attributes }, place) => {
      const wire = this.outputs[place]!;
      const n = wire[0];
      const specified = wire[4];
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
    return [this.number, 1, code, error.message.slice(0, longestMessage), this.debug, said, startedAt, durationMs];
  }

  /** Nothing of it runs any more. */
  clean(): void {
    this.#execution?.clean();
    this.#execution = null;
  }
}

/** Which tasks those of persistent sessions are of. */
export function claimsOf(runs: Iterable<GraphRun>): Pick<ClientGraphEvents['graph.held'], 'claims'> {
  const lasting = [...runs].filter(({ number, state }) => number >= firstLasting && state !== 'cancelled');
  return lasting.length === 0 ? {} : { claims: lasting.map(({ number, wire }) => [number, wire[1], wire[2]] as const) };
}
