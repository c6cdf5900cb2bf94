/** What one frame of Pyro's wire asks of an object, made into calls of ours; the answer is text, or a stream. */
import { MillraceError } from '../../base/errors.ts';
import type { Target } from '../target.ts';
import { textOf } from './core/text.ts';
import { iteratorOf } from './stream-table.ts';
import type { PyroValues } from './values.ts';

export interface Request {
  readonly object: string;
  readonly method: string;
  readonly params: readonly unknown[];
  readonly named: object | null;
}

const malformed = (): MillraceError => new MillraceError('ERR_PROTOCOL', 'a call over the wire of Pyro is malformed');

/** @throws ERR_PROTOCOL */
export function requestOf(body: unknown): Request {
  const { object, method, params, kwargs } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  if (typeof object !== 'string' || typeof method !== 'string' || !Array.isArray(params)) throw malformed();
  return { object, method, params, named: namedOf(kwargs) };
}

function namedOf(kwargs: unknown): object | null {
  if (kwargs === null || kwargs === undefined) return null;
  if (typeof kwargs !== 'object' || Array.isArray(kwargs)) throw malformed();
  return Object.keys(kwargs).length === 0 ? null : kwargs;
}

/** Arguments by name are one object, the last argument. */
function argumentsOf(params: readonly unknown[], named: object | null): unknown[] {
  return named === null ? [...params] : [...params, named];
}

/** A call, or the reading or setting of an attribute. */
export function perform(target: Target, { method, params, named }: Request): unknown {
  switch (method) {
    case '__getattr__':
      return target.get(textOf(params[0]));
    case '__setattr__':
      target.set(textOf(params[0]), params[1]);
      return undefined;
  }
  return target.call(method, argumentsOf(params, named));
}

/** Calls one after the other until one fails. @returns the JSON text of their results */
export async function performBatch(
  target: Target,
  { params }: Request,
  values: PyroValues,
  run: (body: () => unknown) => unknown,
): Promise<string> {
  const texts: string[] = [];
  for (const call of params) {
    try {
      if (!Array.isArray(call)) throw malformed();
      const [method, args, kwargs]: unknown[] = call;
      if (typeof method !== 'string' || !Array.isArray(args)) throw malformed();
      const named = namedOf(kwargs);
      const result = await run(() => target.call(method, argumentsOf(args, named)));
      const iterator = iteratorOf(result);
      if (iterator !== null)
        throw new MillraceError('ERR_NOT_CLONEABLE', `'${method}' gives a stream, which cannot be a result in a batch: call it by itself`);
      texts.push(values.write(result, `the result of '${method}'`));
    } catch (error) {
      texts.push(values.writeFailed(error));
      break;
    }
  }
  return `[${texts.join(',')}]`;
}
