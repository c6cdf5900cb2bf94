/**
 * The simulation of task graphs: sessions with graphs of chance, clients that run them, and a seeded adversary that cuts connections, kills clients and
 * brings new ones. After each step the graph verifies itself; at the end every kept object has the value that its inputs give, and no client holds
 * anything that the server does not know of.
 */
import { MillraceError } from '../base/errors.ts';
import { type GraphCapacity, GraphObject, type GraphSession, type ObjectSpec, objectState, type TaskSpec } from '../graph/entities.ts';
import type { Graph } from '../graph/graph.ts';
import { GraphHistories } from './graph-histories.ts';
import { expectedOf, GraphPart } from './graph-part.ts';
import { Random } from './random.ts';

/** What a world saw, for tests that want to know that it saw something. */
export interface GraphReport {
  tasks: number;
  finished: number;
  failed: number;
  recomputed: number;
  losses: number;
  /** Of the server. */
  restarts: number;
  steps: number;
}

/** Far more than any world of the usual size takes. */
const mostSteps = 200_000;

export class GraphWorld {
  graph: Graph;
  readonly report: GraphReport = { tasks: 0, finished: 0, failed: 0, recomputed: 0, losses: 0, restarts: 0, steps: 0 };
  readonly #random: Random;
  readonly #parts: GraphPart[] = [];
  /** Gone for the server too, or soon. */
  readonly #dying: GraphPart[] = [];
  #sessions: GraphSession[] = [];
  readonly #histories: GraphHistories = new GraphHistories();
  readonly #capacities: Map<string, GraphCapacity> = new Map();
  readonly #failing: Map<GraphSession, Set<number>> = new Map();
  /** Who waits, by token. */
  readonly #answers: Map<number, GraphSession> = new Map();
  #now = 0;
  #nextId = 0;
  #clients = 0;
  #tokens = 0;
  /** Losses that the adversary may still cause. */
  #harm: number;
  #rescued = false;
  #killed = false;

  constructor(seed: number) {
    this.graph = this.#histories.newGraph();
    this.#random = Random.stream(seed, 'graph');
    this.#harm = this.#random.chance(0.2) ? 0 : this.#random.between(1, 6);
  }

  /** Runs to the end. @throws what was found wrong */
  run(): GraphReport {
    const random = this.#random;
    for (let i = random.between(1, 4); i > 0; i--) this.#join();
    for (let i = random.between(1, 3); i > 0; i--) this.#open();
    for (const session of this.#sessions) this.#submit(session);
    let more = random.between(0, 4);
    for (;;) {
      if (++this.report.steps > mostSteps) throw new Error('the world does not come to an end');
      if (more > 0 && random.chance(0.02)) {
        more--;
        this.#submit(random.pick(this.#sessions));
      }
      if (this.#harm > 0 && random.chance(0.03)) this.#hurt();
      if (!this.#step() && more === 0) break;
    }
    this.#verify();
    return this.report;
  }

  /** One thing happens; false: nothing can. */
  #step(): boolean {
    const random = this.#random;
    this.#now += random.between(0, 3);
    const moves: (() => void)[] = [];
    if (this.#answers.size > 0 && random.chance(0.01)) this.#giveUp();
    for (const part of this.#parts) {
      if (part.hears) moves.push(() => part.hear());
      if (part.speaks) moves.push(() => this.#listen(part));
      if (part.works && part.alive) moves.push(() => this.#work(part));
      if (!part.connected && part.alive) moves.push(() => this.#return(part));
    }
    for (const part of this.#dying) moves.push(() => this.#bury(part));
    if (moves.length > 0) {
      random.pick(moves)();
      return true;
    }
    const due = this.graph.wakeAt();
    if (due !== null) {
      this.#now = Math.max(this.#now, due);
      this.#turn({ type: 'tick' });
      return this.#parts.some((part) => !part.idle);
    }
    // Whatever a task asks for, one that can hold it comes at last.
    if (this.#rescued || !this.#sessions.some(({ unfinished }) => unfinished > 0)) return false;
    this.#rescued = true;
    this.#harm = 0;
    this.#join(4);
    return true;
  }

  /** Somebody does not wait any more. */
  #giveUp(): void {
    const [token, session] = this.#random.pick([...this.#answers]);
    this.#answers.delete(token);
    this.#turn({ type: 'give-up', session, token });
  }

  #turn(event: Parameters<Graph['handle']>[0]): void {
    this.graph.handle(event, this.#now);
    this.#histories.write(event, this.graph);
    let ended = event.type === 'ended' ? event : event.type === 'client-resumed' ? { client: event.id, ends: event.ends } : null;
    const { orders, answers } = this.graph.endTurn(this.#now);
    for (const order of orders) {
      const part = this.#parts.find(({ id }) => id === order.client.id);
      const failing = new Set(order.run.filter(({ session, id }) => this.#failing.get(session)!.has(id)).map(({ id }) => id));
      const mine = part?.id === ended?.client ? (ended?.ends ?? []).map(({ run }) => run) : [];
      part?.tell(order, mine, (task) => failing.has(task));
      if (mine.length > 0) ended = null;
    }
    if (ended !== null) this.#parts.find(({ id }) => id === ended!.client)?.acknowledge(ended.ends.map(({ run }) => run));
    for (const { token } of answers) {
      if (!this.#answers.has(token)) throw new Error(`nobody waits with the token ${token}`);
      this.#answers.delete(token);
    }
    this.graph.check();
  }

  #listen(part: GraphPart): void {
    const event = part.say()!;
    // A server that was started again knows only those that worked for lasting sessions.
    if (event.type === 'client-resumed' && this.graph.client(part.id) === null) {
      const joined = { type: 'client-joined', id: part.id, capacity: this.#capacities.get(part.id)! } as const;
      this.graph.handle(joined, this.#now);
      this.#histories.write(joined, this.graph);
    }
    this.#turn(event);
  }

  #work(part: GraphPart): void {
    part.work(
      (n) => {
        const holder = this.#parts.find((other) => other !== part && other.alive && other.store.has(n) && other.told.has(n));
        return holder?.store.get(n) ?? null;
      },
      (id) => id,
      (session, task) => this.#histories.ran(session, task),
    );
  }

  #join(least = 1): void {
    const part = new GraphPart(`client-${++this.#clients}`, this.#random);
    this.#parts.push(part);
    const slots = this.#random.between(least, 4);
    const capacity = {
      slots,
      cores: this.#random.chance(0.5) ? null : this.#random.between(Math.max(2, least), 4),
      memory: 1_000,
      resources: { gpu: 1 },
    };
    this.#capacities.set(part.id, capacity);
    this.#turn({ type: 'client-joined', id: part.id, capacity });
  }

  #return(part: GraphPart): void {
    part.reconnect(this.#capacities.get(part.id)!);
  }

  /** A connection is cut, or a client is killed; the server notices the one at once, the other a while later. */
  #hurt(): void {
    const living = this.#parts.filter(({ alive, connected }) => alive && connected);
    if (living.length === 0) return;
    this.#harm--;
    if (this.#random.chance(0.3)) {
      this.#restart();
      return;
    }
    this.report.losses++;
    const part = this.#random.pick(living);
    part.disconnect();
    this.#turn({ type: 'client-offline', id: part.id });
    if (this.#random.chance(0.4)) return;
    part.alive = false;
    this.#killed = true;
    this.#dying.push(part);
  }

  #bury(part: GraphPart): void {
    this.#dying.splice(this.#dying.indexOf(part), 1);
    this.#parts.splice(this.#parts.indexOf(part), 1);
    this.#turn({ type: 'client-left', id: part.id });
    if (this.#parts.length === 0 || this.#random.chance(0.5)) this.#join();
  }

  /** The server is killed and started again: lasting sessions are as they were recorded, others are gone, and so is whoever waited. */
  #restart(): void {
    this.report.restarts++;
    for (const part of this.#parts) part.forget((n) => this.#histories.isLasting(n));
    this.#answers.clear();
    const failing = new Map([...this.#failing].map(([session, tasks]) => [session.n, tasks]));
    this.graph = this.#histories.newGraph();
    this.#sessions = this.#histories.replay(this.graph);
    for (const session of this.#sessions) this.#failing.set(session, failing.get(session.n)!);
    this.graph.check();
    if (this.#sessions.length === 0) this.#open();
    for (const session of this.#sessions) this.#wait(session, []);
  }

  #open(): void {
    const lasting = this.#random.chance(0.5);
    const session = this.graph.openSession('simulated', this.#random.chance(0.3) ? 'continue' : 'fail', lasting);
    this.#histories.opened(session, this.graph);
    this.#sessions.push(session);
    this.#failing.set(session, new Set());
  }

  #submit(session: GraphSession): void {
    const random = this.#random;
    const objects: ObjectSpec[] = [];
    const tasks: TaskSpec[] = [];
    const usable = [...session.nodes.values()].filter(
      (node): node is GraphObject => node instanceof GraphObject && (node.constant || (node.keep && node.state < objectState.removed)),
    );
    const inputs = usable.map(({ id }) => id);
    for (let i = random.between(1, 3); i > 0; i--) {
      const id = this.#nextId++;
      objects.push([id, 'constant', 0, false, Uint8Array.of(1), null]);
      inputs.push(id);
    }
    for (let i = random.between(2, 14); i > 0; i--) {
      const id = this.#nextId++;
      const made = Array.from({ length: random.chance(0.2) ? 2 : 1 }, () => this.#nextId++);
      for (const output of made) objects.push([output, 'output', 0, random.chance(0.3), null, null]);
      const recent = random.chance(0.5) ? inputs.slice(-2) : inputs;
      const taken = Array.from({ length: random.between(0, 3) }, () => random.pick(recent)).flatMap((input) => [input, null]);
      const more = random.chance(0.1) ? { cpus: 2 } : random.chance(0.1) ? { cpus: 0, resources: { gpu: 1 } } : null;
      tasks.push([id, 'step', null, taken, made, random.chance(0.1) ? { ...more, priority: random.between(-2, 2) } : more]);
      if (random.chance(0.02)) this.#failing.get(session)!.add(id);
      inputs.push(...made);
    }
    try {
      this.#turn({ type: 'submit', session, objects, tasks, sizes: new Map() });
    } catch (thrown) {
      if (thrown instanceof MillraceError && thrown.code === 'ERR_TASK_FAILED' && session.state === 'failed') return;
      throw thrown;
    }
    this.report.tasks += tasks.length;
    this.#wait(session, random.chance(0.5) ? [] : [random.pick(tasks)[0]]);
  }

  #wait(session: GraphSession, items: number[]): void {
    if (session.state !== 'open') return;
    const token = ++this.#tokens;
    this.#answers.set(token, session);
    this.#turn({ type: 'wait', session, token, items, some: this.#random.chance(0.5) });
  }

  #verify(): void {
    if (this.#answers.size > 0) throw new Error(`${this.#answers.size} waits were never answered`);
    for (const session of this.#sessions) this.#verifySession(session);
    if (!this.#killed) this.#histories.checkOnce();
    for (const part of this.#parts) {
      if (!part.alive || !part.connected) continue;
      const known = new Set([...(this.graph.client(part.id)?.held.keys() ?? [])]);
      for (const n of part.store.keys()) if (!known.has(n)) throw new Error(`${part.id} holds object ${n}, which nobody knows of`);
      for (const n of known) if (!part.store.has(n)) throw new Error(`${part.id} should hold object ${n}`);
    }
    for (const session of this.#sessions) this.#turn({ type: 'close', session });
    while (this.#step());
    for (const part of this.#parts) if (part.store.size > 0) throw new Error(`${part.id} holds something after all sessions were closed`);
  }

  #verifySession(session: GraphSession): void {
    this.report.finished += session.finished;
    this.report.failed += session.failed;
    this.report.recomputed += session.recomputed;
    if (session.unfinished > 0) throw new Error(`session ${session.n} has ${session.unfinished} tasks that nobody runs`);
    this.#histories.checkWhole(session);
    if (session.state !== 'open') return;
    const values = new Map<GraphObject, number>();
    for (const node of session.nodes.values()) {
      if (!(node instanceof GraphObject) || node.state !== objectState.finished || node.constant) continue;
      for (const { id } of node.holders) {
        const part = this.#parts.find((other) => other.id === id);
        const value = part?.store.get(node.n);
        if (value !== expectedOf(node, values)) throw new Error(`object ${node.id} has the value ${value} at ${id}`);
      }
    }
  }
}
