/** What a handle or `connect()` may ask of a running server; ids are public, filters are checked here: they come from outside. */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import { orderedNumbers } from '../data/ordered.ts';
import { findTask, resolveIds } from '../data/query.ts';
import type { LiveRow } from '../data/record.ts';
import { attemptSize, fewestRows, fitting, leanRow, lightRow, type ResultPage, rowSize } from '../data/row-size.ts';
import { areConditions } from '../data/where.ts';
import { countTasks, searchTasks } from '../store/search.ts';
import type { TaskFilter, TaskRow, TaskStore } from '../store/store.ts';
import { taskState } from '../task/state.ts';
import type { Peer } from '../transport/peer.ts';
import type { Audience } from './audience.ts';
import { type Changes, checkChange, readyOnly } from './changes.ts';
import type { ServerCore } from './core/core.ts';
import { type ExplanationFacts, explain } from './explain.ts';
import { clientFacts } from './facts.ts';
import type { Parting, Partings } from './hand-over.ts';
import type { Link } from './link.ts';
import { nameRequests, type ServerObjects } from './objects.ts';
import type { StallFacts } from './stall.ts';

/** Rows of one answer. */
const mostRows = 10_000;

export interface RequestContext {
  readonly core: ServerCore;
  readonly store: TaskStore;
  readonly audience: Audience;
  readonly clock: Clock;
  readonly salt: string;
  progress(): unknown;
  /** Until all that the core did so far is committed; null: it is. @throws ERR_ENDED */
  committed(): Promise<void> | null;
  /** As `Stall.known` and `Stall.facts`. */
  known(): Promise<void>;
  stalled(): StallFacts | null;
  readonly changes: Changes;
  /** null: the server listens nowhere, so nothing can be called. */
  objects(): ServerObjects | null;
  /** Everything recorded so far of this run comes after it. */
  readonly firstCursor: number;
  /** Of a connection that stands; null: it is gone. */
  peerOf(connection: string): Peer | null;
  /** A reader of results has read or gone: the server may have waited for that to close. */
  readerMoved(): Promise<void>;
  readonly partings: Partings;
  /** The server that took the queue over says so. */
  replaced(epoch: number): void;
}

export type RequestHandler = (context: RequestContext, link: Link, parameters: unknown) => unknown;

/** What says something of the core leaves after the commit of that, as everything does. */
function gated(handler: RequestHandler): RequestHandler {
  return async (context, link, parameters) => {
    const answer = await handler(context, link, parameters);
    await context.committed();
    return answer;
  };
}

/** As `gated`; but while nothing can be committed the answer is what is recorded, and that this is so. */
function current(handler: RequestHandler): RequestHandler {
  return async (context, link, parameters) => {
    const answer = await handler(context, link, parameters);
    const before = context.stalled();
    await context.known();
    return context.stalled() === before ? answer : handler(context, link, parameters);
  };
}

export const requestHandlers: Readonly<Record<string, RequestHandler>> = {
  progress: current((context) => context.progress()),
  clients: gated(({ core, clock }) => core.clients().map((client) => clientFacts(client, clock.now()))),
  async cancel(context, _link, parameters) {
    return context.changes.cancel(stored(context, await filterOf(context, parameters)));
  },
  async change(context, _link, parameters) {
    const { change, ...filter } = fields(parameters);
    return context.changes.change(stored(context, await filterOf(context, filter)), checkChange(change));
  },
  get: gated((context, _link, parameters) => rowOf(context, fields(parameters).id)),
  find: gated(async (context, _link, parameters) => {
    const filter = await filterOf(context, parameters);
    return rowsThatFit(context, { ...filter, limit: Math.min(filter.limit ?? mostRows, mostRows) });
  }),
  /** For an order that cannot be continued by `after`: which tasks, in that order; their rows are asked for by number. */
  numbers: gated(async (context, _link, parameters) => {
    const { store, clock, core } = context;
    const filter = stored(context, await filterOf(context, parameters));
    const ready = readyOnly(core, filter);
    const numbers = [...(await orderedNumbers(store, ready?.search ?? filter, clock))];
    return ready === null ? numbers : numbers.filter(ready.isReady).slice(0, ready.limit);
  }),
  count: gated(async (context, _link, parameters) => counted(context, stored(context, await filterOf(context, parameters)))),
  async history(context, _link, parameters) {
    const row = await rowOf(context, fields(parameters).id);
    if (row === null) throw unknownTask(fields(parameters).id);
    const { from } = fields(parameters);
    const rest = (await context.store.history(row.n)).slice(Number.isSafeInteger(from) ? (from as number) : 0);
    const { count } = fitting(rest, attemptSize);
    const attempts = rest.slice(0, count);
    const numbers = new Set(attempts.flatMap(({ client }) => client ?? []));
    const clients = await Promise.all([...numbers].map((n) => context.store.client(n)));
    return { attempts, clients: clients.filter((client) => client !== null), more: count < rest.length };
  },
  explain: current(async (context, _link, parameters): Promise<ExplanationFacts> => {
    const row = await rowOf(context, fields(parameters).id);
    if (row === null) throw unknownTask(fields(parameters).id);
    return explain(context.core, row, { now: context.clock.now(), wall: context.clock.wall() }, context.stalled());
  }),
  async output(context, _link, parameters) {
    const { id, limit } = fields(parameters);
    const row = await rowOf(context, id);
    if (row === null) throw unknownTask(id);
    return (await import('./running-output.ts')).runningOutput(context.core, row.n, limit, context.peerOf);
  },
  names: ({ objects }, _link, parameters) => nameRequests.names(objects(), parameters),
  name: ({ objects }, _link, parameters) => nameRequests.name(objects(), parameters),
  removeName: ({ objects }, _link, parameters) => nameRequests.removeName(objects(), parameters),
  listen(context, link, parameters) {
    context.audience.listen(link, texts(fields(parameters).names, 'names'));
  },
  replaced: ({ replaced }, _link, parameters) => replaced(Number(fields(parameters).epoch)),
  /** A server that follows asks when the queue is done. */
  over: gated(({ partings }, _link, parameters): Promise<Parting> => {
    const { server, submitted } = fields(parameters);
    if (typeof server !== 'string' || !(submitted === null || Number.isSafeInteger(submitted)))
      throw new MillraceError('ERR_PROTOCOL', 'over has the id of a server, and how many tasks had been submitted');
    return partings.wait(server, submitted as number | null);
  }),
  read(context, link, parameters) {
    // Only what this server's own host does not read holds the run.
    if (link.host) context.audience.read(Number(fields(parameters).results) || 0);
    return context.readerMoved();
  },
  openCursor(context, link, parameters) {
    link.cursors++;
    const { order, since } = fields(parameters);
    if (Number.isSafeInteger(since)) return since;
    return order === 'input' ? context.audience.input.start() : context.firstCursor;
  },
  closeCursor(context, link) {
    link.cursors = Math.max(0, link.cursors - 1);
    return context.readerMoved();
  },
  page({ audience }, _link, parameters): Promise<ResultPage> {
    const { cursor, limit, order } = fields(parameters);
    if (typeof cursor !== 'number' || typeof limit !== 'number') throw new MillraceError('ERR_PROTOCOL', 'a page has a cursor and a limit');
    const most = Math.max(1, Math.min(limit, mostRows));
    return order === 'input' ? audience.input.page(cursor, most) : audience.page(cursor, most);
  },
};

async function rowOf(context: RequestContext, id: unknown): Promise<TaskRow | null> {
  const [given] = texts([id], 'id');
  const row = await findTask(context.store, context.salt, given!);
  return row === null ? null : leanRow(withState(context, row));
}

/** As many rows of the default order as fit into a message; the reader goes on after the last, until there are none. */
async function rowsThatFit(context: RequestContext, filter: TaskFilter & { limit: number }): Promise<TaskRow[]> {
  const rows: TaskRow[] = [];
  let bytes = 0;
  const meant = stored(context, filter);
  const ready = readyOnly(context.core, meant);
  const { light } = filter;
  for await (const page of searchTasks(context.store, ready?.search ?? meant, context.clock, light ? undefined : fewestRows)) {
    const now = page.map((row) => withState(context, row));
    const kept = ready === null ? now : now.filter(({ n }) => ready.isReady(n)).slice(0, ready.limit - rows.length);
    const found = kept.map(light ? lightRow : leanRow);
    const fit = fitting(found, rowSize, bytes);
    rows.push(...found.slice(0, fit.count));
    bytes = fit.bytes;
    if (fit.count < found.length || rows.length >= filter.limit) break;
  }
  return rows;
}

/** Of ready tasks alone the core knows the number, however long the queue is. */
async function counted({ core, store, clock }: RequestContext, filter: TaskFilter): Promise<number> {
  if (readyOnly(core, filter) === null) return countTasks(store, filter, clock);
  const { limit = Number.POSITIVE_INFINITY, ...others } = filter;
  if (Object.keys(others).length === 1) return Math.min(core.ready, limit);
  const { leased, running } = taskState;
  const numbers = [...core.numbersIn(leased), ...core.numbersIn(running)].filter((n) => filter.numbers?.includes(n) ?? true);
  const granted = numbers.length === 0 ? 0 : await store.count({ ...others, numbers });
  return Math.min((await countTasks(store, others, clock)) - granted, limit);
}

/** The filter as the store understands it: leased and running tasks are known to the core alone. */
function stored({ core }: RequestContext, filter: TaskFilter): TaskFilter {
  const { state, ...others } = filter;
  if (state !== taskState.leased && state !== taskState.running) return filter;
  return { ...others, numbers: core.numbersIn(state).filter((n) => filter.numbers?.includes(n) ?? true) };
}

/** With what the core alone knows: its state, on which client and for how long. */
function withState({ core, clock }: RequestContext, row: TaskRow): LiveRow {
  const task = row.end === null ? core.task(row.n) : null;
  if (task === null) return row;
  const { state, grant, started } = task;
  if (grant === null) return { ...row, state };
  const { n, id, host } = grant.client;
  const client = { n, id, host };
  const isRunning = state === taskState.running && started !== null;
  return isRunning ? { ...row, state, client, runningMs: Math.round(clock.now() - started.now) } : { ...row, state, client };
}

function fields(parameters: unknown): Record<string, unknown> {
  if (typeof parameters !== 'object' || parameters === null || Array.isArray(parameters))
    throw new MillraceError('ERR_PROTOCOL', 'a request has named parameters');
  return parameters as Record<string, unknown>;
}

function texts(value: unknown, name: string): string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new MillraceError('ERR_QUERY', `${name} must be texts`);
  return value;
}

const filterFields: Readonly<Record<keyof TaskFilter, (value: unknown) => boolean>> = {
  numbers: (value) => Array.isArray(value) && value.every(Number.isSafeInteger),
  ids: (value) => Array.isArray(value) && value.every((id) => typeof id === 'string'),
  group: Number.isSafeInteger,
  state: Number.isSafeInteger,
  outcome: Number.isSafeInteger,
  tags: (value) => typeof value === 'object' && value !== null,
  where: areConditions,
  keys: (value) => Array.isArray(value) && value.every((key) => typeof key === 'string'),
  orderBy: (value) => ['n', 'submittedAt', 'completedAt', 'durationMs', 'priority'].includes(value as string),
  desc: (value) => typeof value === 'boolean',
  limit: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  after: Number.isSafeInteger,
  upTo: Number.isSafeInteger,
  light: (value) => typeof value === 'boolean',
};

/** A filter from outside: each field is checked; public ids become numbers, `tagKeys` tags of any value. */
async function filterOf(context: RequestContext, value: unknown): Promise<TaskFilter> {
  const { publicIds, tagKeys, ...filter } = fields(value);
  for (const [name, item] of Object.entries(filter)) {
    const check = Object.hasOwn(filterFields, name) ? filterFields[name as keyof TaskFilter] : undefined;
    if (check === undefined || !check(item))
      throw new MillraceError('ERR_QUERY', `a filter cannot have ${name} = ${JSON.stringify(item)?.slice(0, 100)}`);
  }
  if (tagKeys !== undefined)
    filter.tags = {
      ...Object.fromEntries(texts(tagKeys, 'tagKeys').map((key) => [key, undefined])),
      ...(filter.tags as TaskFilter['tags']),
    };
  if (publicIds === undefined) return filter as TaskFilter;
  return { ...filter, numbers: await resolveIds(context.store, context.salt, texts(publicIds, 'ids')) } as TaskFilter;
}

function unknownTask(id: unknown): MillraceError {
  return new MillraceError('ERR_NOT_FOUND', `no task has the id ${String(id)}`);
}
