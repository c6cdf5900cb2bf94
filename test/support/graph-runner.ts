/** Graph tasks for tests of the engine: they join, wait for a word, or fail; what they were given can be read afterwards. */
import { readFileSync } from 'node:fs';
import { MillraceError } from '../../src/base/errors.ts';
import type { GraphExecution, GraphInput, GraphOutcome, GraphTaskRunner } from '../../src/client/graph-task-runner.ts';
import type { ObjectKind } from '../../src/protocol/graph-messages.ts';

/** The bytes of an input, wherever they lie. */
function bytesOfInput({ content }: Pick<GraphInput, 'content'>): Uint8Array {
  return content.path === null ? content.bytes : readFileSync(content.path);
}

function outcome(bytes: Uint8Array, kind: ObjectKind = 'blob'): GraphOutcome {
  return { outputs: [{ content: { bytes, path: null }, kind, contentType: null, attributes: null }], attributes: null };
}

export class TestRunner implements GraphTaskRunner {
  /** Every task that was started, in order. */
  readonly ran: number[] = [];
  readonly forgotten: number[] = [];
  readonly #held: Map<number, () => void> = new Map();

  run(execution: GraphExecution): GraphOutcome | Promise<GraphOutcome> {
    const { task, type, inputs, config } = execution;
    this.ran.push(task);
    switch (type) {
      case 'concat':
        return outcome(Buffer.concat(inputs.map(bytesOfInput)));
      case 'pass':
        return { outputs: [{ content: { input: 0 }, kind: 'blob', contentType: null, attributes: null }], attributes: null };
      case 'fill':
        return outcome(Buffer.alloc(Number(config), task & 255));
      case 'fail':
        execution.debug('about to fail');
        throw new MillraceError('ERR_TASK_FAILED', String(config), { details: { stderr: 'no such thing' } });
      case 'hold':
        return new Promise((resolve, reject) => {
          this.#held.set(task, () => resolve(outcome(Buffer.from('held'))));
          execution.signal.addEventListener('abort', () => reject(execution.signal.reason), { once: true });
        });
      default:
        throw new MillraceError('ERR_TASK', `no task is of the type '${type}'`);
    }
  }

  call(): never {
    throw new Error('it has no threads for functions');
  }

  release(task: number): void {
    this.#held.get(task)?.();
  }

  forget(session: number): void {
    this.forgotten.push(session);
  }

  async close(): Promise<void> {}
}
