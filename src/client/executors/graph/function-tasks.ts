/** Functions of graphs on the client's side of their threads: the code to a file, the inputs as they lie, the outputs as they come. */
import { Buffer } from 'node:buffer';
import { MillraceError } from '../../../base/errors.ts';
import { decodeValue, encodeValue } from '../../../task/value.ts';
import type { ExecutionEnd } from '../../executor.ts';
import type {
  GraphCallEnds,
  GraphCalls,
  GraphExecution,
  GraphInput,
  GraphOutcome,
  GraphOutput,
  GraphOutputSpec,
} from '../../graph-task-runner.ts';
import { failed } from './builtins.ts';
import type { CodeFiles } from './code-files.ts';
import {
  bytesOfCall,
  type CallCommon,
  type CallInput,
  callBytes,
  type FunctionCall,
  type FunctionResult,
  type ResultOutput,
} from './function-call.ts';
import type { QueuedExecution, SlotQueue } from './slot-queue.ts';

const entry = new URL('./function-worker.js', import.meta.url).href;
const command = `${entry}#runFunction`;
/** Of its own a call has none. */
const noVariables: Readonly<Record<string, string>> = Object.freeze({});

export class FunctionTasks {
  readonly #code: CodeFiles;
  readonly #queue: SlotQueue;

  constructor(code: CodeFiles, queue: SlotQueue) {
    this.#code = code;
    this.#queue = queue;
  }

  /** By itself; what cannot begin is tried again. */
  run(execution: GraphExecution): Promise<GraphOutcome> {
    return new Promise((resolve, reject) => {
      const begin = (): void =>
        void this.call([execution], {
          ended: (_, outcome) => (outcome instanceof MillraceError ? reject(outcome) : resolve(outcome)),
          returned: begin,
          over: () => {},
        });
      begin();
    });
  }

  call(executions: readonly GraphExecution[], ends: GraphCallEnds): GraphCalls {
    const queued: QueuedExecution[] = [];
    const given: GraphExecution[] = [];
    for (const [at, execution] of executions.entries()) {
      try {
        queued.push(this.#queued(execution, at, ends));
        given.push(execution);
      } catch (error) {
        ends.ended(at, MillraceError.from(error));
      }
    }
    const batch = this.#queue.start(queued, () => ends.over());
    for (const [at, execution] of given.entries()) execution.whenAborted((error) => batch.stop(at, error));
    return batch;
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  #queued(execution: GraphExecution, at: number, ends: GraphCallEnds): QueuedExecution {
    const { session, task, name, attributes, config, inputs, outputs } = execution;
    const common: CallCommon = {
      module: this.#code.place(session, inputs[0] as GraphInput),
      name,
      config: config ?? 'null',
      outputs: outputs.map(({ kind, contentType }) => ({ isFolder: kind === 'directory', contentType })),
    };
    const call: FunctionCall = [execution.sandboxPath(), attributes, inputs.map((input, place) => (place === 0 ? null : callInput(input)))];
    const encoded = { input: encodeValue(call), common: encodeValue(common) };
    return {
      execution: { id: `${session}/${task}`, attempt: 1, command, ...encoded, env: noVariables, cwd: null },
      ended: (end) => ends.ended(at, outcomeOf(execution, outputs, end), ...timesOf(end)),
      returned: () => ends.returned(at),
      failed: (error) => ends.ended(at, MillraceError.from(error)),
      progress: (value) => execution.progress(value),
    };
  }
}

/** When it began and how long it took, if anybody knows: a call whose thread went with it has not come to its measure. */
function timesOf({ startedAt, durationMs, extra }: ExecutionEnd): [startedAt?: number, durationMs?: number] {
  return extra?.signal !== undefined || extra?.error?.code === 'ERR_WORKER_CRASHED' ? [] : [startedAt, durationMs];
}

function outcomeOf(execution: GraphExecution, outputs: readonly GraphOutputSpec[], end: ExecutionEnd): GraphOutcome | MillraceError {
  tellDebug(execution, end);
  const { error, value } = end.extra ?? {};
  if (end.outcome !== 'succeeded' || value === undefined || value === null) {
    if (error === undefined) return failed(`the function was stopped by ${end.extra?.signal ?? 'force'}`);
    const { name: kind, message, stack } = error;
    return new MillraceError('ERR_TASK_FAILED', `${kind}: ${message}`, { details: { stderr: stack ?? '' } });
  }
  const result = decodeValue(value) as FunctionResult;
  if (!result.hasFolder) execution.sandboxUnmade();
  return {
    outputs: result.outputs.map((output, at) => graphOutput(output, outputs[at]?.kind ?? 'blob')),
    attributes: result.attributes,
  };
}

function callInput({ object, label, kind, contentType, size, content, attributes, info }: GraphInput): CallInput {
  const bytes = content.path === null ? callBytes(content.bytes) : null;
  return [object, label, kind === 'directory', contentType, size, bytes, content.path, attributes, info];
}

function graphOutput({ input, path, bytes, contentType, attributes }: ResultOutput, kind: GraphOutput['kind']): GraphOutput {
  const content = input !== null ? { input } : path !== null ? { bytes: null, path } : { bytes: bytesOfCall(bytes ?? ''), path: null };
  return { content, kind, contentType, attributes };
}

function tellDebug(execution: GraphExecution, { extra }: ExecutionEnd): void {
  const logged = extra?.stdout;
  if (logged === undefined || logged === null) return;
  const text = typeof logged === 'string' ? logged : Buffer.from(logged).toString();
  for (const line of text.replace(/\n$/, '').split('\n')) execution.debug(line);
}
