/**
 * A batch over Pyro's wire: one message, whose calls the daemon runs until one fails. A name that is not there would cost all results there; it is found
 * here, and is the error of its own call. To go on behind an error is to send what is left.
 */

import { MillraceError } from '../../base/errors.ts';
import type { BatchReply, BatchSending } from '../caller.ts';
import { flags } from './core/frame.ts';
import { splitArguments } from './kwargs.ts';
import { FailedCall, type PyroValues } from './values.ts';

interface BatchWay {
  readonly values: PyroValues;
  /** @throws ERR_NOT_EXPOSED */
  check(name: string): void;
  send(params: string, bits: number): Promise<unknown>;
}

interface BatchCall {
  readonly name: string;
  readonly args: readonly unknown[];
}

export async function sendBatch(
  calls: readonly BatchCall[],
  { oneway, continueOnError, depends }: BatchSending,
  way: BatchWay,
): Promise<BatchReply> {
  if ((depends?.on ?? null) !== null)
    throw new MillraceError('ERR_BATCH', 'Pyro makes no calls on results that are not there yet: await them first');
  const results: unknown[] = [];
  const errors = new Map<number, unknown>();
  for (let from = 0; from < calls.length; ) {
    const texts: string[] = [];
    let refused: { readonly error: unknown } | null = null;
    for (const call of calls.slice(from)) {
      try {
        way.check(call.name);
        const [params, named] = splitArguments(call.args);
        texts.push(way.values.write([call.name, params, named], `a call of '${call.name}' in a batch`));
      } catch (error) {
        refused = { error };
        break;
      }
    }
    let failed = false;
    if (texts.length > 0) {
      const found = await way.send(`[${texts.join(',')}]`, oneway ? flags.oneway : 0);
      const answer = oneway ? texts.map(() => null) : found;
      if (
        !Array.isArray(answer) ||
        answer.length > texts.length ||
        (answer.length < texts.length && !(answer.at(-1) instanceof FailedCall))
      )
        throw new MillraceError('ERR_PROTOCOL', 'the answer to a batch is malformed');
      for (const item of answer) {
        failed = item instanceof FailedCall;
        if (failed) errors.set(results.length, (item as FailedCall).error);
        results.push(failed ? null : item);
      }
    }
    if (!failed && refused !== null) {
      errors.set(results.length, refused.error);
      results.push(null);
      failed = true;
    }
    from = results.length;
    if (failed && !continueOnError) break;
  }
  return { results, errors };
}
