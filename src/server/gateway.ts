/**
 * The server behind its HTTP face: the gateway asks over a connection of its own, as every user of the server does, so what holds for them holds for it. Tasks alone
 * go the way of the server's own source, which is shorter.
 */
import type { Clock } from '../base/clock.ts';
import { isTraced } from '../base/traced.ts';
import { defaults } from '../config/defaults.ts';
import type { SubmitConfig, SubmitOptions } from '../config/submit-options.ts';
import { ServerControl } from '../control/control.ts';
import { HostEvents } from '../control/events.ts';
import { ReceiptIds } from '../control/receipts.ts';
import type { ResultsOptions } from '../control/results.ts';
import { RemoteTaskData } from '../control/tasks.ts';
import type { TaskQuery } from '../data/query.ts';
import type { Backend, NamePage, Receipt } from '../http/gateway/backend.ts';
import { Gateway, type GatewayParts } from '../http/gateway/gateway.ts';
import type { GraphPart, GraphSessionPage } from '../protocol/graph-views.ts';
import type { RunningOutput } from '../protocol/running-output.ts';
import { openJsonLines } from '../source/open.ts';
import { Pump, type PumpOptions } from '../source/pump.ts';
import type { SourceReader } from '../source/reader.ts';
import { pumpOptions } from '../source/submission.ts';
import type { StoredName } from '../store/names.ts';
import type { Connection } from '../transport/connection.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';
import { localLink } from './local-link.ts';
import type { ServerParts } from './messages.ts';
import type { OwnIntake } from './own-intake.ts';

export { Gateway, type GatewayParts };

/**
 * What the gateway asks; its connection, which `accept` takes over, ends with the server. `own`: the way in for tasks, past the connection, of a server that leads; null: it follows
 * another one.
 */
export function gatewayBackend(accept: (connection: Connection) => void, own: OwnIntake | null, { clock, config }: ServerParts): Backend {
  const { left, right } = localLink(clock);
  let listener: (name: string, value: unknown) => void = () => {};
  const events = new HostEvents({
    emit: (name, value) => listener(name, value),
    onResult: null,
    read: () => {},
    failed: () => {},
    over: () => {},
  });
  const stopHeartbeat = watchHeartbeat(left, {
    heartrate: config.heartrate,
    limit: Number.POSITIVE_INFINITY,
    clock,
    onSilent: () => {},
  });
  const control = new ServerControl(left, clock, {
    event: (name, value) => events.receive(name, value),
    closed: () => stopHeartbeat(),
  });
  control.salt.then((salt) => events.open(salt)).catch(() => {});
  const tasks = new RemoteTaskData(
    (method, parameters) => control.ask(method, parameters),
    () => control.salt,
  );
  accept(right);
  return {
    async submit(lines, options, signal, headers): Promise<Receipt> {
      const reader = openJsonLines(lines);
      const submission = await traced(await submissionOf(options as SubmitOptions), headers);
      if (own === null) return control.submitRead(reader, submission, signal);
      return submitTo(own, reader, { ...pumpOptions(submission), clock, signal, salt: await control.salt });
    },
    async page(query, after, light) {
      const { records, next } = await tasks.page(query as TaskQuery, after, light);
      return { tasks: records, next };
    },
    count: (query) => tasks.count(query as TaskQuery),
    get: (id) => tasks.get(id),
    history: (id) => tasks.history(id),
    explain: (id) => tasks.explain(id),
    output: (id, limit) => control.ask('output', { id, limit }) as Promise<RunningOutput | null>,
    cancel: (query) => control.cancel(query as TaskQuery),
    retry: (query) => tasks.requeue(query as TaskQuery),
    results: (order) => control.results((order === undefined ? {} : { order }) as ResultsOptions),
    progress: () => control.progress(),
    clients: () => control.clients(),
    sessions: (place) => control.ask('graph.overview', place) as Promise<GraphSessionPage>,
    sessionGraph: (session, place) => control.ask('graph.show', { session, ...place }) as Promise<GraphPart>,
    closeSession: async (session) => void (await control.ask('graph.end-session', { session })),
    names: (prefix, after, limit) => control.ask('names', { prefix, after, limit }) as Promise<NamePage>,
    name: (name) => control.ask('name', { name }) as Promise<StoredName | null>,
    removeName: (name) => control.ask('removeName', { name }) as Promise<boolean>,
    listen: (names) => void control.listen(names).catch(() => {}),
    onEvent(call) {
      listener = call;
    },
  };
}

async function submitTo(
  own: OwnIntake,
  reader: SourceReader,
  { clock, signal, salt, ...options }: PumpOptions & { readonly clock: Clock; readonly signal: AbortSignal; readonly salt: string },
): Promise<Receipt> {
  const ids = new ReceiptIds(salt);
  const submission = own.open();
  const over = new AbortController();
  try {
    const onReceipt: ReceiptIds['add'] = (receipt, tasks) => ids.add(receipt, tasks);
    const { done } = new Pump(reader, { ...options, onReceipt }, submission, clock, AbortSignal.any([signal, over.signal]));
    return { ...(await Promise.race([done, submission.failed])), ids: ids.ids };
  } finally {
    over.abort();
    submission.close();
  }
}

/** Tasks that come with a trace carry its context: that of the request as it is traced here, else as it came. */
async function traced(config: SubmitConfig, headers: Readonly<Record<string, unknown>>): Promise<SubmitConfig> {
  if (headers.traceparent === undefined && !isTraced()) return config;
  const { activeEnvironment, passedOn } = await import('../base/tracing.ts');
  const env = (await activeEnvironment()) ?? passedOn(headers);
  return env === null ? config : { ...config, attributes: { ...config.attributes, env } };
}

/** The checked options of a submission. Their parser takes some 10 MB: it is loaded by the first that has any. */
async function submissionOf(options: SubmitOptions): Promise<SubmitConfig> {
  if (Object.keys(options).length === 0) {
    const { bundlesize, bundlewait, template } = defaults;
    return { target: null, bundlesize, bundlewait, template, attributes: null, contentKeys: false, strict: false };
  }
  const { parseHandleSubmitOptions } = await import('../config/submit.ts');
  return parseHandleSubmitOptions(options).config;
}
