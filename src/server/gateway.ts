/** The server behind its HTTP face: the gateway asks over a connection of its own, as every user of the server does, so what holds for them holds for it. */
import { hostName, newId } from '../base/ids.ts';
import { defaults } from '../config/defaults.ts';
import type { SubmitConfig, SubmitOptions } from '../config/submit-options.ts';
import { ServerControl } from '../control/control.ts';
import { HostEvents } from '../control/events.ts';
import type { ResultsOptions } from '../control/results.ts';
import { RemoteTaskData } from '../control/tasks.ts';
import type { TaskQuery } from '../data/query.ts';
import type { Backend, Receipt } from '../http/gateway/backend.ts';
import { Gateway, type GatewayParts } from '../http/gateway/gateway.ts';
import { openJsonLines } from '../source/open.ts';
import type { Connection } from '../transport/connection.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';
import { memoryLink } from '../transport/memory.ts';
import type { ServerParts } from './messages.ts';

export { Gateway, type GatewayParts };

/** Bundles of a submission that may be unacknowledged. What is under way grows old in this thread, unlike that of a submitter elsewhere: a million lines took 210 MB with the default. */
const inFlight = 4;

/** What the gateway asks; its connection, which `accept` takes over, ends with the server. */
export function gatewayBackend(accept: (connection: Connection) => void, { clock, config }: ServerParts): Backend {
  const self = { role: 'control' as const, id: newId(), host: hostName(), pid: process.pid };
  const peer = { role: 'server' as const, id: newId(), host: hostName(), pid: process.pid };
  // Both ends are of this thread: nothing is copied.
  const { left, right } = memoryLink({ left: self, right: peer, clock, copy: false });
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
    async submit(lines, options, signal): Promise<Receipt> {
      return control.submitRead(openJsonLines(lines), await submissionOf(options as SubmitOptions), signal, inFlight);
    },
    async page(query, after) {
      const { records, next } = await tasks.page(query as TaskQuery, after);
      return { tasks: records, next };
    },
    count: (query) => tasks.count(query as TaskQuery),
    get: (id) => tasks.get(id),
    history: (id) => tasks.history(id),
    explain: (id) => tasks.explain(id),
    cancel: (query) => control.cancel(query as TaskQuery),
    retry: (query) => tasks.requeue(query as TaskQuery),
    results: (order) => control.results((order === undefined ? {} : { order }) as ResultsOptions),
    progress: () => control.progress(),
    clients: () => control.clients(),
    listen: (names) => void control.listen(names).catch(() => {}),
    onEvent(call) {
      listener = call;
    },
  };
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
