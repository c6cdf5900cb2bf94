/**
 * The simulation of task graphs: sessions with graphs of chance, clients that run them, and a seeded adversary that cuts connections, kills clients and
 * brings new ones. After each step the graph verifies itself; at the end every kept object has the value that its inputs give, and no client holds
 * anything that the server does not know of.
 */
import { MillraceError } from '../base/errors.ts';
import type { RunEnd } from '../graph/effects.ts';
import type { GraphCapacity, GraphSession } from '../graph/entities.ts';
import type { Graph } from '../graph/graph.ts';
import { GraphDepartures } from './graph-departures.ts';
import { GraphHistories } from './graph-histories.ts';
import { GraphPart } from './graph-part.ts';
import { verifyGone, verifyHeld, verifyValues } from './graph-verdict.ts';
import { graphOfChance } from './graph-workload.ts';
import { Random } from './random.ts';

/** What a world saw, for tests that want to know that it saw something. */
export interface GraphReport {
  tasks: number;
  finished: number;
  failed: number;
  recomputed: number;
  losses: number;
  /** Clients that handed over what they held, and went. */
  departures: number;
  /** Of the server. */
  restarts: number;
  steps: number;
}

/** Far more than any world of the usual size takes. */
const mostSteps = 200_000;

export class GraphWorld {
  graph: Graph;
  readonly report: GraphReport = { tasks: 0, finished: 0, failed: 0, recomputed: 0, losses: 0, departures: 0, restarts: 0, steps: 0 };
  readonly #random: Random;
  readonly #parts: GraphPart[] = [];
  /** Gone for the server too, or soon. */
  readonly #dying: GraphPart[] = [];
  #sessions: GraphSession[] = [];
  readonly #histories: GraphHistories = new GraphHistories();
  readonly #departures: GraphDepartures = new GraphDepartures();
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
      if (!this.#rescued && random.chance(0.01)) this.#part();
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
      if (part.takes && part.alive) moves.push(() => part.take((n) => this.#valueOf(n, part)));
      if (!part.connected && part.alive) moves.push(() => this.#return(part));
    }
    for (const part of this.#dying) moves.push(() => this.#bury(part));
    if (this.#departures.busy) moves.push(() => this.#endTurn(this.#departures.rescue(this.graph, (n) => this.#valueOf(n))));
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
    const ended = event.type === 'ended' ? event : event.type === 'client-resumed' ? { client: event.id, ends: event.ends } : null;
    this.#endTurn(ended);
  }

  #endTurn(over: { client: string; ends: readonly RunEnd[] } | null): void {
    let ended = over;
    const turn = this.graph.endTurn(this.#now);
    const { orders, answers } = turn;
    this.#departures.decide(turn, (client) => this.#parts.find(({ id, connected }) => id === client.id && connected));
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
    if (event.type !== 'client-left') return;
    this.report.departures++;
    this.#gone(part);
  }

  /** What somebody else has, or the server. */
  #valueOf(n: number, asker: GraphPart | null = null): number | null {
    const holder = this.#parts.find((other) => other !== asker && other.alive && other.store.has(n));
    return holder?.store.get(n) ?? this.#departures.store.get(n) ?? null;
  }

  #work(part: GraphPart): void {
    part.work(
      (n) => this.#valueOf(n, part),
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

  /** A client begins to leave. */
  #part(): void {
    const staying = this.#parts.filter(({ alive, connected, leaving }) => alive && connected && !leaving);
    if (staying.length > 0) this.#random.pick(staying).leave();
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
    // Who leaves does not come back when its connection is gone.
    if (!part.leaving && this.#random.chance(0.4)) return;
    part.alive = false;
    this.#killed = true;
    this.#dying.push(part);
  }

  #bury(part: GraphPart): void {
    this.#dying.splice(this.#dying.indexOf(part), 1);
    this.#turn({ type: 'client-left', id: part.id });
    this.#gone(part);
  }

  #gone(part: GraphPart): void {
    part.alive = false;
    this.#parts.splice(this.#parts.indexOf(part), 1);
    if (this.#parts.length === 0 || this.#random.chance(0.5)) this.#join();
  }

  /** The server is killed and started again: lasting sessions are as they were recorded, others are gone, and so is whoever waited. */
  #restart(): void {
    this.report.restarts++;
    // What was handed over is with clients that the records know nothing of, or was with the server.
    if (this.#departures.lose() || this.report.departures > 0) this.#killed = true;
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
    const { objects, tasks } = graphOfChance(this.#random, session, () => this.#nextId++, this.#failing.get(session)!);
    try {
      this.#turn({ type: 'submit', session, objects, tasks, sizes: new Map() });
    } catch (thrown) {
      if (thrown instanceof MillraceError && thrown.code === 'ERR_TASK_FAILED' && session.state === 'failed') return;
      throw thrown;
    }
    this.report.tasks += tasks.length;
    this.#wait(session, this.#random.chance(0.5) ? [] : [this.#random.pick(tasks)[0]]);
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
    verifyGone(this.graph.clients);
    if (!this.#killed) this.#histories.checkOnce();
    for (const part of this.#parts) if (part.alive && part.connected) verifyHeld(part, this.graph.client(part.id));
    for (const session of this.#sessions) this.#turn({ type: 'close', session });
    while (this.#step());
    if (this.#departures.store.size > 0) throw new Error('the server holds something after all sessions were closed');
    for (const part of this.#parts) if (part.store.size > 0) throw new Error(`${part.id} holds something after all sessions were closed`);
  }

  #verifySession(session: GraphSession): void {
    this.report.finished += session.finished;
    this.report.failed += session.failed;
    this.report.recomputed += session.recomputed;
    if (session.unfinished > 0) throw new Error(`session ${session.n} has ${session.unfinished} tasks that nobody runs`);
    this.#histories.checkWhole(session);
    if (session.state === 'open') verifyValues(session, this.#parts, this.#departures.store);
  }
}
