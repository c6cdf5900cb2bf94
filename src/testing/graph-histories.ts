/** What the server of a simulated world has recorded of its lasting sessions, and how often each of their tasks was run. */
import type { GraphEvent } from '../graph/effects.ts';
import { GraphObject, type GraphSession, GraphTask } from '../graph/entities.ts';
import { Graph } from '../graph/graph.ts';
import { type GraphRecord, recordOf } from '../graph/replay.ts';

/** Below any number of what is lasting; each server has so many numbers of its own. */
const first = 2 ** 40;
const ofEachServer = 2 ** 32;

interface Recorded {
  readonly name: string;
  readonly onFailure: 'fail' | 'continue';
  readonly records: GraphRecord[];
  tasks: number;
}

export class GraphHistories {
  readonly #sessions: Map<number, Recorded> = new Map();
  readonly #runs: Map<string, number> = new Map();
  #servers = 0;

  /** Of a server, or of the next one. */
  newGraph(): Graph {
    return new Graph(first + this.#servers++ * ofEachServer);
  }

  isLasting(n: number): boolean {
    return n >= first;
  }

  opened({ lasting, n, name, onFailure }: GraphSession, graph: Graph): void {
    if (!lasting) return;
    const joined: GraphRecord = ['joined', [...graph.clients].map(({ id }) => id)];
    this.#sessions.set(n, { name, onFailure, records: [joined], tasks: 0 });
  }

  /** What the turn of this event leaves behind. */
  write(event: GraphEvent, graph: Graph): void {
    if (event.type === 'submit') {
      const known = this.#sessions.get(event.session.n);
      const [object] = event.objects.map(([id]) => event.session.nodes.get(id));
      if (known !== undefined && object instanceof GraphObject) {
        known.records.push(['submit', object.n, event.objects, event.tasks]);
        known.tasks += event.tasks.length;
      }
    } else if (event.type === 'client-joined') this.#all(['joined', [event.id]]);
    else if (event.type === 'client-left') this.#all(['left', event.id]);
    else if (event.type === 'close') this.#sessions.delete(event.session.n);
    for (const task of graph.takeRecorded()) this.#sessions.get(task.session.n)?.records.push(['ends', [recordOf(task)]]);
  }

  /** The sessions as they are after a restart. */
  replay(graph: Graph): GraphSession[] {
    const sessions = [...this.#sessions].map(([n, { name, onFailure, records }]) => {
      const replay = graph.replay(n, name, onFailure);
      for (const record of records) replay.tell(structuredClone(record), new Map());
      return replay.session;
    });
    graph.replayed();
    return sessions;
  }

  ran(session: number, task: number): void {
    if (!this.isLasting(session)) return;
    const key = `${session}/${task}`;
    this.#runs.set(key, (this.#runs.get(key) ?? 0) + 1);
  }

  /** @throws when a task was run twice, although no client was lost */
  checkOnce(): void {
    for (const [key, runs] of this.#runs) if (runs > 1) throw new Error(`task ${key} was run ${runs} times, and no client was lost`);
  }

  /** @throws when the session lacks tasks that it was given */
  checkWhole({ n, nodes }: GraphSession): void {
    const known = this.#sessions.get(n);
    if (known === undefined) return;
    const tasks = [...nodes.values()].filter((node) => node instanceof GraphTask).length;
    if (tasks !== known.tasks) throw new Error(`session ${n} has ${tasks} tasks, and was given ${known.tasks}`);
  }

  #all(record: GraphRecord): void {
    for (const { records } of this.#sessions.values()) records.push(record);
  }
}
