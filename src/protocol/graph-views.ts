/**
 * What whoever looks on is told of task graphs, in parts that fit into a message: sessions with their counts, and the tasks and objects of one with the links
 * between them. Asked for and checked in `graph-messages.ts`.
 */

/** The most sessions, or tasks and objects, of one answer; and the most links. */
export const mostShown = 1_000;
export const mostLinks = 10_000;

/** From this number or place on, at most so many; `limit` is at most `mostShown`. */
export interface GraphPlace {
  from: number;
  limit: number;
}

/** waiting: inputs are missing. */
export const nodeStates = ['waiting', 'ready', 'assigned', 'running', 'finished', 'failed', 'removed', 'unfinished'] as const;
export type NodeState = (typeof nodeStates)[number];

export interface GraphProgress {
  waiting: number;
  ready: number;
  running: number;
  finished: number;
  failed: number;
  /** Tasks that ran again because a client with their outputs was lost. */
  recomputed: number;
  /** Finished objects that are held, and their bytes, copies not counted. */
  objects: number;
  bytes: number;
}

export interface GraphSessionInfo {
  name: string;
  /** Its number; chosen by the server, never used again while it lives. */
  session: number;
  state: 'open' | 'failed';
  /** A program has it. */
  attached: boolean;
  /** Epoch ms, by the server's clock. */
  openedAt: number;
  progress: GraphProgress;
}

/** As whoever looks on is told of it. */
export interface GraphSessionView extends GraphSessionInfo {
  /** It goes on without its program. */
  persistent: boolean;
  /** Its tasks and objects, whatever became of them. */
  nodes: number;
  /** Of the task that it failed for; null: it has not. */
  failure: { task: number; type: string; name: string | null; code: string; message: string } | null;
}

export interface GraphSessionPage {
  /** By number, ascending. */
  sessions: GraphSessionView[];
  /** Where the next page begins; null: this was the last. */
  next: number | null;
}

export interface GraphNodeView {
  id: number;
  kind: 'task' | 'object';
  /** A task's own name; an object's label. */
  name: string | null;
  /** Of a task: what it runs. Of an object: its content type. */
  type: string | null;
  state: NodeState;
  /** The id of the client that runs or ran it, or has it. */
  client: string | null;
  /** How many objects a task has; an object: how many tasks make it, and how often it is an input. */
  inputs: number;
  outputs: number;
  /** Of a task; epoch ms and ms. */
  startedAt: number | null;
  durationMs: number | null;
  /** Of an object, in bytes. */
  size: number | null;
  /** Why it failed. */
  failure: string | null;
}

export interface GraphPart {
  /** In the order of their submission. */
  nodes: GraphNodeView[];
  /** Of the tasks among them: from an object to the task that it is an input of, from a task to what it makes. Those of one task are cut after `mostLinks`. */
  edges: [from: number, to: number][];
  next: number | null;
}
