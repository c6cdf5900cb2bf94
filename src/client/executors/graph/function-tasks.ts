/** Functions of graphs on the client's side of their threads: the code to a file, the inputs as they lie, the outputs as they come. */
import { Buffer } from 'node:buffer';
import { MillraceError } from '../../../base/errors.ts';
import type { FunctionConfig } from '../../../session/task-types.ts';
import { decodeValue, encodeValue } from '../../../task/value.ts';
import type { ExecutionEnd } from '../../executor.ts';
import type { GraphExecution, GraphInput, GraphOutcome, GraphOutput } from '../../graph-task-runner.ts';
import { failed } from './builtins.ts';
import type { CodeFiles } from './code-files.ts';
import type { CallInput, FunctionCall, FunctionResult, ResultOutput } from './function-call.ts';
import type { SlotQueue } from './slot-queue.ts';

const entry = new URL('./function-worker.js', import.meta.url).href;
const command = `${entry}#runFunction`;

export class FunctionTasks {
  readonly #code: CodeFiles;
  readonly #queue: SlotQueue;

  constructor(code: CodeFiles, queue: SlotQueue) {
    this.#code = code;
    this.#queue = queue;
  }

  async run(execution: GraphExecution): Promise<GraphOutcome> {
    const { session, task, name, attributes, signal } = execution;
    const config = decodeValue(execution.config ?? 'null') as FunctionConfig;
    const call: FunctionCall = {
      module: this.#code.place(session, execution.inputs[0] as GraphInput),
      name: name ?? config.name,
      folder: execution.sandboxPath(),
      attributes,
      config,
      inputs: execution.inputs.map((input, at) => (at === 0 ? null : callInput(input))),
      outputs: execution.outputs.map(({ kind, contentType }) => ({ isFolder: kind === 'directory', contentType })),
    };
    const end = await this.#queue.run(
      { id: `${session}/${task}`, attempt: 1, command, input: encodeValue([call]), env: {}, cwd: null },
      { signal, timeout: null, progress: (value) => execution.progress(value) },
    );
    tellDebug(execution, end);
    const { error, value } = end.extra ?? {};
    if (end.outcome !== 'succeeded' || value === undefined || value === null) {
      if (error === undefined) throw failed(`the function was stopped by ${end.extra?.signal ?? 'force'}`);
      const { name: kind, message, stack } = error;
      throw new MillraceError('ERR_TASK_FAILED', `${kind}: ${message}`, { details: { stderr: stack ?? '' } });
    }
    const result = decodeValue(value) as FunctionResult;
    return {
      outputs: result.outputs.map((output, at) => graphOutput(output, execution.outputs[at]?.kind ?? 'blob')),
      attributes: result.attributes,
    };
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }
}

function callInput({ object, label, kind, contentType, size, content, attributes, info }: GraphInput): CallInput {
  return { object, label, isFolder: kind === 'directory', contentType, size, content: plainContent(content), attributes, info };
}

/** Bytes of a larger buffer cross as a copy of their own. */
function plainContent(content: GraphInput['content']): GraphInput['content'] {
  return content.path === null ? { bytes: new Uint8Array(content.bytes), path: null } : content;
}

function graphOutput({ input, path, bytes, contentType, attributes }: ResultOutput, kind: GraphOutput['kind']): GraphOutput {
  const content = input !== null ? { input } : path !== null ? { bytes: null, path } : { bytes: bytes ?? new Uint8Array(), path: null };
  return { content, kind, contentType, attributes };
}

function tellDebug(execution: GraphExecution, { extra }: ExecutionEnd): void {
  const logged = extra?.stdout;
  if (logged === undefined || logged === null) return;
  const text = typeof logged === 'string' ? logged : Buffer.from(logged).toString();
  for (const line of text.replace(/\n$/, '').split('\n')) execution.debug(line);
}
