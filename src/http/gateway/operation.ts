/**
 * An operation of the gateway as data: what it takes, what it answers, and what carries it out. Requests are checked by it and the OpenAPI document is
 * made of it, so the two cannot differ.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { didYouMean } from '../../base/nearest.ts';
import type { Chunks } from './backend.ts';
import { Refusal } from './problem.ts';

export type ParameterType = 'text' | 'texts' | 'integer' | 'flag';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
  readonly type: ParameterType;
  readonly description: string;
  readonly values?: readonly string[];
  readonly least?: number;
  readonly most?: number;
  /** Of the query; what is in the path always is. */
  readonly required?: boolean;
}

/** A piece of JSON schema. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly id: string;
  readonly method: 'get' | 'post';
  /** As in OpenAPI: `/api/tasks/{id}`. */
  readonly path: string;
  readonly summary: string;
  /** Anybody may ask. */
  readonly open?: boolean;
  readonly parameters?: readonly Parameter[];
  readonly body?: { readonly description: string; readonly types: readonly string[]; readonly schema: Schema };
  readonly answer: { readonly status: number; readonly type: string; readonly description: string; readonly schema: Schema };
  /** What an answer of 204 says, where there may be nothing to answer. */
  readonly nothing?: string;
  /** Statuses of refusals that are its own, beside those that any request may meet. */
  readonly refusals?: readonly number[];
  /** Answers with a stream that lasts. */
  readonly endless?: boolean;
  run(call: Call): Promise<Reply | null> | Reply | null;
}

/** What an operation answers; null: it has answered itself, as a stream. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  /** Null: the head alone. */
  readonly body: string | null;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

export interface Call {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  /** Those of the operation that were given. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Aborted when whoever asked has gone. */
  signal(): AbortSignal;
  /** All of the body. */
  body(): Promise<Buffer>;
  /** The body as it comes. */
  stream(): Promise<Chunks>;
}

export function json(value: unknown, status = 200): Reply {
  return { status, type: 'application/json', body: JSON.stringify(value) };
}

/** There is nothing to tell, as the operation's `nothing` says. */
export const noReply: Reply = { status: 204, type: 'application/json', body: '' };

/** The parameters of a request. Throws a `Refusal`, 400, that names the one that is wrong. */
export function readParameters(
  { parameters = [] }: Operation,
  path: Readonly<Record<string, string>>,
  query: URLSearchParams,
): Record<string, unknown> {
  const known = new Map(parameters.map((parameter) => [parameter.name, parameter]));
  const read: Record<string, unknown> = {};
  for (const [name, parameter] of known) if (parameter.in === 'path') read[name] = readValue(parameter, path[name] ?? '');
  for (const [name, value] of query) {
    const parameter = known.get(name);
    if (parameter?.in !== 'query') {
      const names = parameters.flatMap((one) => (one.in === 'query' ? [one.name] : []));
      throw new Refusal(400, `there is no parameter '${name.slice(0, 100)}'.${didYouMean(name, names)}`);
    }
    const one = readValue(parameter, value);
    if (parameter.type === 'texts') read[name] = [...((read[name] as unknown[] | undefined) ?? []), one];
    else if (Object.hasOwn(read, name)) throw new Refusal(400, `the parameter '${name}' was given twice`);
    else read[name] = one;
  }
  for (const { name, required } of parameters)
    if (required && !Object.hasOwn(read, name)) throw new Refusal(400, `the parameter '${name}' is missing`);
  return read;
}

function readValue({ name, type, values, least = 0, most = Number.MAX_SAFE_INTEGER }: Parameter, text: string): unknown {
  const wrong = (wanted: string): Refusal =>
    new Refusal(400, `the parameter '${name}' must be ${wanted}; it is ${JSON.stringify(text.slice(0, 100))}`);
  if (type === 'integer') {
    const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(value) || value < least || value > most) throw wrong(`a whole number from ${least} to ${most}`);
    return value;
  }
  if (type === 'flag') {
    if (text !== 'true' && text !== 'false') throw wrong('true or false');
    return text === 'true';
  }
  if (values !== undefined && !values.includes(text)) throw wrong(`one of ${values.join(', ')}${didYouMean(text, values)}`);
  return text;
}

/** An operation answers with JSON of this schema. */
export function answer(description: string, schema: Schema): Operation['answer'] {
  return { status: 200, type: 'application/json', description, schema };
}
