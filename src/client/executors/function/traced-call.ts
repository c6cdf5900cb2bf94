/** A call of a task that was submitted within a trace, in a span of its own that is active in the function. Loaded with the first such call where somebody traces. */
import { taskAttributes, withSpan } from '../../../base/tracing.ts';
import type { CallContext } from './call-context.ts';
import type { AnyFunction } from './target.ts';

export function tracedCall(
  { id, attempt }: CallContext,
  parent: Readonly<Record<string, string>>,
  called: AnyFunction,
  args: readonly unknown[],
): Promise<unknown> {
  const attributes = taskAttributes('run', { 'messaging.message.id': id, 'millrace.attempt': attempt });
  return withSpan('millrace.run', { kind: 'consumer', attributes, parent }, async () => called(...args));
}
