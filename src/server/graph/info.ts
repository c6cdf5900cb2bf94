/** What is known of tasks, objects and clients, as it is told to sessions. */
import { type GraphClient, GraphObject, type GraphSession, type GraphTask } from '../../graph/entities.ts';
import { stateOf } from '../../graph/graph.ts';
import type { PastNode } from '../../graph/node-table.ts';
import { type GraphServerInfo, mostTold, type NodeId, type NodeInfo, type SessionId } from '../../protocol/graph-messages.ts';
import type { GraphProgress } from '../../protocol/graph-views.ts';

export function infoOf(node: GraphTask | GraphObject | PastNode): NodeInfo {
  const state = stateOf(node);
  if ('past' in node) {
    const { id, isTask, client, startedAt, durationMs, size, contentType, info, debug } = node;
    return { id, state, failure: null, client, startedAt, durationMs, size: isTask ? null : size, contentType, attributes: info, debug };
  }
  const nothing = { startedAt: null, durationMs: null, size: null, contentType: null, debug: '' };
  if (node instanceof GraphObject) {
    const { id, holders, size, contentType, info, producer } = node;
    const made = state === 'finished' || state === 'removed';
    const failure = state === 'failed' && producer?.failure != null ? { ...producer.failure } : null;
    const type = contentType ?? node.spec[5]?.contentType ?? null;
    return {
      ...nothing,
      id,
      state,
      failure,
      client: holders[0]?.id ?? null,
      size: made ? size : null,
      contentType: type,
      attributes: info,
    };
  }
  const { id, failure, ranOn, client, startedAt, durationMs, info, debug } = node;
  const known = failure === null ? null : { ...failure };
  return { ...nothing, id, state, failure: known, client: client?.id ?? ranOn, startedAt, durationMs, attributes: info, debug };
}

/** What one takes beside its texts. */
const bare = 256;

/** Of the first of these nodes, as many as a message holds well; at least one. */
export function infosOf(nodes: Iterable<Parameters<typeof infoOf>[0]>): NodeInfo[] {
  const infos: NodeInfo[] = [];
  let size = 0;
  for (const node of nodes) {
    if (size >= mostTold) break;
    const info = infoOf(node);
    const { attributes, debug, failure } = info;
    size += bare + (attributes?.length ?? 0) + debug.length;
    if (failure !== null) size += failure.message.length + failure.debug.length + failure.stderr.length;
    infos.push(info);
  }
  return infos;
}

/** One list for each session: a frame holds a million lists at most, and four times as many numbers. */
function bySession(nodes: Iterable<{ readonly session: { readonly n: SessionId }; readonly id: NodeId }>): [SessionId, ...NodeId[]][] {
  const lists = new Map<SessionId, [SessionId, ...NodeId[]]>();
  for (const { session, id } of nodes) {
    const list = lists.get(session.n);
    if (list === undefined) lists.set(session.n, [session.n, id]);
    else list.push(id);
  }
  return [...lists.values()];
}

export function serverInfo(clients: Iterable<GraphClient>, hostOf: (client: GraphClient) => string): GraphServerInfo {
  return {
    clients: [...clients].map((client) => {
      const { id, capacity, runs, held } = client;
      return {
        id,
        host: hostOf(client),
        slots: capacity.slots,
        cores: capacity.cores,
        memory: capacity.memory,
        resources: { ...capacity.resources },
        tasks: bySession(runs.values()),
        objects: bySession(held.values()),
      };
    }),
  };
}

/** What a client has and does not run yet is ready. */
export function progressOf(session: GraphSession): GraphProgress {
  const { unfinished, ready, assigned, begun, finished, failed, recomputed, objects, bytes } = session;
  return {
    waiting: unfinished - ready - assigned,
    ready: ready + assigned - begun,
    running: begun,
    finished,
    failed,
    recomputed,
    objects,
    bytes,
  };
}
