/** A span for each command of a task that was submitted within a trace, where somebody traces in the client's thread; the command finds it in its environment. */
import { loadTracing, type OpenSpan, type Tracing, taskAttributes } from '../base/tracing.ts';
import type { Execution, ExecutionEnd } from './executor.ts';

export class CommandSpans {
  readonly #tracing: Tracing;
  readonly #open: Map<number, OpenSpan> = new Map();

  /** Null: nobody traces. */
  static async open(): Promise<CommandSpans | null> {
    const tracing = await loadTracing();
    return tracing === null ? null : new CommandSpans(tracing);
  }

  private constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  begin(execution: Execution): Execution {
    const { key, id, attempt, env } = execution;
    if (env.TRACEPARENT === undefined) return execution;
    const attributes = taskAttributes('run', { 'messaging.message.id': id, 'millrace.attempt': attempt });
    const span = this.#tracing.start('millrace.run', { kind: 'consumer', attributes, parent: env });
    this.#open.set(key, span);
    return { ...execution, env: { ...env, ...span.environment() } };
  }

  end({ key, outcome, exitStatus, extra }: ExecutionEnd): void {
    const span = this.#open.get(key);
    if (span === undefined) return;
    this.#open.delete(key);
    if (exitStatus !== null) span.set({ 'process.exit.code': exitStatus });
    const why = extra?.error?.message ?? (extra?.signal === undefined ? `exit status ${exitStatus}` : `ended by ${extra.signal}`);
    if (outcome === 'failed') span.fail(new Error(why));
    span.end();
  }
}
