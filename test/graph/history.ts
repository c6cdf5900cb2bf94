/** A graph and its history in a test: events in, what clients are told out; the graph verifies itself after each. */
import type { GraphEvent, GraphTurn } from '../../src/graph/effects.ts';
import type { GraphSession, ObjectSpec, TaskSpec } from '../../src/graph/entities.ts';
import { Graph } from '../../src/graph/graph.ts';

/** What one client was told, in numbers of the session. */
interface Told {
  run: number[];
  cancel: number[];
  drop: number[];
  forget: number[];
  recall: number;
}

export class History {
  readonly graph: Graph = new Graph();
  readonly session: GraphSession;
  now = 0;

  constructor(onFailure: 'fail' | 'continue' = 'fail') {
    this.session = this.graph.openSession('history', onFailure);
  }

  turn(event: GraphEvent): GraphTurn {
    this.graph.handle(event, this.now);
    const turn = this.graph.endTurn(this.now);
    this.graph.check();
    return turn;
  }

  /** As `turn`; what each client was told. */
  tell(event: GraphEvent): Record<string, Told> {
    return toldIn(this.turn(event));
  }

  join(id: string, slots = 1, more: { cores?: number; memory?: number; resources?: Record<string, number> } = {}): GraphTurn {
    const { cores = null, memory = null, resources = {} } = more;
    return this.turn({ type: 'client-joined', id, capacity: { slots, cores, memory, resources } });
  }

  submit(objects: ObjectSpec[], tasks: TaskSpec[]): Record<string, Told> {
    return this.tell({ type: 'submit', session: this.session, objects, tasks, sizes: new Map() });
  }

  /** The run that the task has now. */
  runOf(task: number): number {
    const node = this.session.nodes.get(task);
    if (node === undefined || !('run' in node)) throw new Error(`there is no task ${task}`);
    return node.run;
  }

  numberOf(object: number): number {
    const node = this.session.nodes.get(object);
    if (node === undefined || 'run' in node) throw new Error(`there is no object ${object}`);
    return node.n;
  }

  /** These tasks end well on this client, in one message. */
  end(client: string, tasks: number[], size = 10, durationMs = 1): Record<string, Told> {
    return toldIn(this.endTurn(client, tasks, size, durationMs));
  }

  /** The same; all that the turn decided. */
  endTurn(client: string, tasks: number[], size = 10, durationMs = 1): GraphTurn {
    const ends = tasks.map((task) => {
      const node = this.session.nodes.get(task)!;
      const outputs = 'outputs' in node ? node.outputs.map(() => [size, null, null] as const) : [];
      return { run: this.runOf(task), outputs, info: null, debug: '', startedAt: 0, durationMs };
    });
    return this.turn({ type: 'ended', client, ends });
  }

  failing(client: string, task: number): GraphTurn {
    const failure = { code: 'ERR_TASK', message: 'broken', debug: 'line', stderr: 'oops' };
    return this.turn({ type: 'ended', client, ends: [{ run: this.runOf(task), failure, startedAt: 0, durationMs: 1 }] });
  }
}

function toldIn({ orders }: GraphTurn): Record<string, Told> {
  return Object.fromEntries(
    orders.map(({ client, run, cancel, drop, forget, recall }) => [
      client.id,
      { run: run.map(({ id }) => id), cancel, drop, forget, recall },
    ]),
  );
}

export function constant(id: number, size = 1): ObjectSpec {
  return [id, 'constant', 0, false, new Uint8Array(size), null];
}

export function output(id: number, keep = false): ObjectSpec {
  return [id, 'output', 0, keep, null, null];
}

export function step(id: number, inputs: number[], outputs: number[], more: TaskSpec[5] = null): TaskSpec {
  return [id, 'step', null, inputs.flatMap((input) => [input, null]), outputs, more];
}
