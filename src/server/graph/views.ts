/** Sessions and their graphs as they are shown to whoever looks on: in parts, so that a session of millions of tasks holds nobody up. */
import { GraphObject, type GraphSession, type GraphTask } from '../../graph/entities.ts';
import { stateOf } from '../../graph/graph.ts';
import type { PastNode } from '../../graph/node-table.ts';
import {
  type GraphNodeView,
  type GraphPart,
  type GraphPlace,
  type GraphSessionInfo,
  type GraphSessionPage,
  type GraphSessionView,
  mostLinks,
} from '../../protocol/graph-views.ts';
import { progressOf } from './info.ts';
import type { Seat } from './members.ts';

/** Of an error's text. */
const longestReason = 1_000;

export function seatInfo({ session, link, openedAt }: Seat): GraphSessionInfo {
  return {
    name: session.name,
    session: session.n,
    state: session.state === 'open' ? 'open' : 'failed',
    attached: link !== null,
    openedAt,
    progress: progressOf(session),
  };
}

export function sessionPage(seats: Iterable<Seat>, { from, limit }: GraphPlace): GraphSessionPage {
  const later = [...seats].filter(({ session }) => session.n >= from).sort((a, b) => a.session.n - b.session.n);
  return { sessions: later.slice(0, limit).map(sessionView), next: later[limit]?.session.n ?? null };
}

function sessionView(seat: Seat): GraphSessionView {
  const { lasting, nodes, failure } = seat.session;
  const { task = 0, type = '', name = null, code = '', message = '' } = failure ?? {};
  const reason = failure === null ? null : { task, type, name, code, message: message.slice(0, longestReason) };
  return { ...seatInfo(seat), persistent: lasting, nodes: nodes.size, failure: reason };
}

/** Ends before a task whose links do not fit any more. */
export function graphPart({ nodes }: GraphSession, { from, limit }: GraphPlace): GraphPart {
  const part: GraphPart = { nodes: [], edges: [], next: null };
  for (const node of nodes.from(from)) {
    const links = node instanceof GraphObject ? 0 : node.inputs.length + node.outputs.length;
    if (part.nodes.length >= limit || (part.edges.length > 0 && part.edges.length + links > mostLinks)) return { ...part, next: node.id };
    if (node instanceof GraphObject) part.nodes.push(objectView(node));
    else if ('past' in node) {
      part.nodes.push(pastView(node));
      addLinks(part.edges, { id: node.id, inputs: node.inputs.map(asLink), outputs: node.outputs.map(asLink) });
    } else {
      part.nodes.push(taskView(node));
      addLinks(part.edges, node);
    }
  }
  return part;
}

const asLink = (id: number): Link => ({ id });

interface Link {
  readonly id: number;
}

function addLinks(edges: GraphPart['edges'], { id, inputs, outputs }: Link & Record<'inputs' | 'outputs', readonly Link[]>): void {
  for (const input of inputs) {
    if (edges.length >= mostLinks) return;
    edges.push([input.id, id]);
  }
  for (const output of outputs) {
    if (edges.length >= mostLinks) return;
    edges.push([id, output.id]);
  }
}

function taskView(task: GraphTask): GraphNodeView {
  const { id, spec, client, ranOn, inputs, outputs, startedAt, durationMs, failure } = task;
  return {
    id,
    kind: 'task',
    name: spec[5]?.name ?? null,
    type: spec[1],
    state: stateOf(task),
    client: client?.id ?? ranOn,
    inputs: inputs.length,
    outputs: outputs.length,
    startedAt,
    durationMs,
    size: null,
    failure: failure?.message.slice(0, longestReason) ?? null,
  };
}

function pastView(node: PastNode): GraphNodeView {
  const { id, isTask, text, name, contentType, client, startedAt, durationMs, inputs, outputs, uses, size } = node;
  const common = { id, state: stateOf(node), client, startedAt, durationMs, failure: null };
  if (isTask) return { ...common, kind: 'task', name, type: text, inputs: inputs.length, outputs: outputs.length, size: null };
  return { ...common, kind: 'object', name: text === '' ? null : text, type: contentType, inputs: 1, outputs: uses, size };
}

function objectView(object: GraphObject): GraphNodeView {
  const { id, spec, holders, producer, uses, size, contentType } = object;
  const state = stateOf(object);
  return {
    id,
    kind: 'object',
    name: spec[1] === '' ? null : spec[1],
    type: contentType ?? spec[5]?.contentType ?? null,
    state,
    client: holders[0]?.id ?? null,
    inputs: producer === null ? 0 : 1,
    outputs: uses,
    startedAt: null,
    durationMs: null,
    size: state === 'finished' || state === 'removed' ? size : null,
    failure: null,
  };
}
