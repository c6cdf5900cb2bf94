/**
 * Spans and their context, by whatever is registered with `@opentelemetry/api` in this thread. Loaded only where something is (`traced.ts`); without the package
 * nothing is traced. What belongs to a trace travels as the fields of its propagator: in headers under their own names, in an environment in capitals.
 */
import type { Attributes, Context, Span } from '@opentelemetry/api';
import { reasonOf } from './errors.ts';
import { isTraced } from './traced.ts';

type Api = typeof import('@opentelemetry/api');
type Fields = Readonly<Record<string, unknown>>;

export interface SpanOptions {
  readonly kind: 'client' | 'server' | 'producer' | 'consumer';
  readonly attributes: Attributes;
  /** Headers or an environment that its parent's context came with. Default: what is active. */
  readonly parent?: Fields;
}

/** Of what is said with a message to another process; more is left out, as it would cost each task. */
const longestField = 8_192;

export class Tracing {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  start(name: string, { kind, attributes, parent }: SpanOptions): OpenSpan {
    const { context, SpanKind, trace } = this.#api;
    const kinds = { client: SpanKind.CLIENT, server: SpanKind.SERVER, producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER };
    const around = parent === undefined ? context.active() : this.#contextOf(parent);
    const span = trace.getTracer('millrace').startSpan(name, { kind: kinds[kind], attributes }, around);
    return new OpenSpan(this.#api, span, trace.setSpan(around, span));
  }

  /** Of what is active, as variables of an environment. */
  environment(): Record<string, string> {
    return variables(carried(this.#api, this.#api.context.active()));
  }

  #contextOf(fields: Fields): Context {
    const { propagation, ROOT_CONTEXT } = this.#api;
    const carrier: Record<string, string> = {};
    for (const field of propagation.fields()) {
      const value = fields[field] ?? fields[variableOf(field)];
      if (typeof value === 'string') carrier[field] = value;
    }
    return propagation.extract(ROOT_CONTEXT, carrier);
  }
}

export class OpenSpan {
  readonly #api: Api;
  readonly #span: Span;
  readonly #context: Context;

  constructor(api: Api, span: Span, context: Context) {
    this.#api = api;
    this.#span = span;
    this.#context = context;
  }

  /** With this span active. */
  run<T>(body: () => T): T {
    return this.#api.context.with(this.#context, body);
  }

  /** As header fields. */
  headers(): Record<string, string> {
    return carried(this.#api, this.#context);
  }

  /** As variables of an environment. */
  environment(): Record<string, string> {
    return variables(this.headers());
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  fail(thrown: unknown): void {
    this.#span.recordException(thrown instanceof Error ? thrown : reasonOf(thrown));
    this.#span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: reasonOf(thrown) });
  }

  end(): void {
    this.#span.end();
  }
}

function carried({ propagation }: Api, context: Context): Record<string, string> {
  const carrier: Record<string, string> = {};
  propagation.inject(context, carrier);
  return Object.fromEntries(Object.entries(carrier).filter(([, value]) => value.length <= longestField && !/[^\t\x20-\x7e]/.test(value)));
}

function variables(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [variableOf(name), value]));
}

let loading: Promise<Tracing | null> | null = null;

/** Null: nobody traces in this thread, or the package is not there. */
export async function loadTracing(): Promise<Tracing | null> {
  if (!isTraced()) return null;
  loading ??= import('@opentelemetry/api').then(
    (api) => new Tracing(api),
    () => null,
  );
  return loading;
}

/** The context that is active here, as variables; null: there is none. */
export async function activeEnvironment(): Promise<Record<string, string> | null> {
  const environment = (await loadTracing())?.environment() ?? {};
  return Object.keys(environment).length === 0 ? null : environment;
}

/** Do it within a span, that ends with it and has its error. */
export async function withSpan<T>(name: string, options: SpanOptions, body: (span: OpenSpan | null) => Promise<T>): Promise<T> {
  const tracing = await loadTracing();
  if (tracing === null) return body(null);
  const span = tracing.start(name, options);
  try {
    return await span.run(() => body(span));
  } catch (thrown) {
    span.fail(thrown);
    throw thrown;
  } finally {
    span.end();
  }
}

/** What tells a span that it is of a task, by the conventions for messaging. */
export function taskAttributes(operation: 'submit' | 'run', more: Attributes): Attributes {
  const type = operation === 'submit' ? 'send' : 'process';
  return { 'messaging.system': 'millrace', 'messaging.operation.name': operation, 'messaging.operation.type': type, ...more };
}

/** The span of a submission that goes on after its call; null: nobody traces. */
export async function startSubmission(): Promise<OpenSpan | null> {
  return (await loadTracing())?.start('millrace.submit', { kind: 'producer', attributes: taskAttributes('submit', {}) }) ?? null;
}

const parentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The context of a request as an environment, where nobody traces here: what was sent is handed on. (Source: W3C Trace Context.) */
export function passedOn({ traceparent, tracestate }: Fields): Record<string, string> | null {
  if (typeof traceparent !== 'string' || !parentPattern.test(traceparent)) return null;
  const state = typeof tracestate === 'string' && /^[\x20-\x7e]{1,512}$/.test(tracestate) ? { TRACESTATE: tracestate } : {};
  return { TRACEPARENT: traceparent, ...state };
}

function variableOf(field: string): string {
  return field.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_');
}
