/**
 * One run: a server, clients and a submitter, each in a process of its own, on one SQLite file, and what a fault may do to them.
 *
 * The course of a run: `begin` starts the parts; the fault does its harm while the submitter gives tasks, and mends what must be mended; `finish` lets
 * the submitter end and waits until all that was accepted is done and every part has ended by itself; `examine` looks at the store. `close` ends whatever is left.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { TcpProxy } from '../support/tcp-proxy.mjs';
import { allThere, endAll, judge } from './endings.mjs';
import { examine, runsIn } from './examine.mjs';
import { marked, Part } from './parts.mjs';
import { seeded } from './random.mjs';
import { plan } from './source.mjs';
import { until, within } from './waiting.mjs';

/** No part may hold more (bytes); one takes 80 to 150 MB. */
const mostMemory = 450 * 2 ** 20;
/** What was accepted must be done so long after the last harm (ms). */
const patience = 60_000;
const auth = 'the key of a chaos run';
/** The number of the first task of a fault's own. */
const firstOwn = 1_000_000;

export class World {
  random;
  seed;
  seconds;
  folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'));
  database = join(this.folder, 'tasks.db');
  /** Where tasks note that they run. */
  runs = join(this.folder, 'runs');
  server = null;
  clients = [];
  submitter = null;
  proxy = null;
  /** The address of this machine that the server listens on. */
  host = '127.0.0.1';
  /** What was done, counted by name: printed at the end. */
  harm = {};
  /** What is wrong, in words, beside what the examination finds. */
  wrong = [];
  /** Why leases of a client may have ended, by its id. */
  blame = new Map();
  clientOfProcess = new Map();
  /** Kinds of tasks: see `plan`. */
  style = 'all';
  /** What task n must become. */
  wanted;
  /** So many tasks were accepted; null: as the submitter says. */
  count = null;
  /** What the fault's own tasks must become, which are submitted past the submitter and have numbers that it never reaches. */
  #own = [];
  mark;
  #parts = [];
  #clientOptions = {};
  #serverOptions = {};
  #serverWrapper = {};
  #sampler = setInterval(() => this.#sample(), 200);
  #undo = [];
  #port = 0;
  #served = 0;

  constructor({ seed, seconds }) {
    this.seed = seed;
    this.seconds = seconds;
    this.random = seeded(seed);
    this.mark = `${process.pid}-${this.folder.slice(-6)}`;
    this.wanted = (n) => (n >= firstOwn ? this.#own[n - firstOwn] : plan(seed, n, this.style));
    for (const name of ['clients', 'spool']) mkdirSync(join(this.folder, name));
  }

  /** Where the server listens, past the proxy. */
  get direct() {
    return [this.host, this.#port];
  }

  get address() {
    return this.proxy?.address ?? this.direct;
  }

  get tasks() {
    return { seed: this.seed, runs: this.runs, style: this.style };
  }

  /**
   * Start it all. `clients`: how many; `proxied`: clients and submitters go through `proxy`; `wrapper`, `env`: for the server's process.
   * @param setup server, client, submit: options of the parts; submit: false for no submitter
   */
  async begin({ clients = 2, proxied = false, server = {}, client = {}, submit = {}, wrapper, env } = {}) {
    this.#port = await freePort();
    this.#serverOptions = {
      address: this.direct,
      auth,
      database: this.database,
      evictAfter: 2,
      reconnectGrace: 1,
      maxLosses: 1_000,
      ...server,
    };
    this.#serverOptions.foreverMode ??= true;
    this.#serverWrapper = { wrapper, env };
    if (proxied) this.proxy = await TcpProxy.open(this.#port);
    await this.serve();
    this.#clientOptions = { address: this.address, auth, numTasks: 3, taskSignalwait: 0.2, reconnectTimeout: 60, ...client };
    await Promise.all(Array.from({ length: clients }, (_, i) => this.work(i)));
    if (submit !== false) await this.submit(submit);
  }

  /** Start the server, again on the same address and file. */
  async serve(options = {}) {
    this.#served++;
    this.server = this.part('serve', { ...this.#serverOptions, ...options }, this.#serverWrapper);
    await this.server.hears('address');
    return this.server;
  }

  /** Start client `i`, again when it is gone. */
  async work(i, options = {}, process = {}) {
    const env = { TMPDIR: join(this.folder, 'spool'), ...process.env };
    const client = this.part('work', { ...this.#clientOptions, ...options }, { cwd: join(this.folder, 'clients'), ...process, env });
    this.clients[i] = client;
    client.id = await client.hears('id');
    this.clientOfProcess.set(String(client.last('pid')), client.id);
    return client;
  }

  async submit({ keyed = false, ...rest } = {}) {
    const tasks = { ...this.tasks, keyed };
    this.submitter = this.part('submit', { address: this.address, auth, perSecond: 120, most: 1e9, tasks, ...rest });
    await this.submitter.hears('acknowledged');
    return this.submitter;
  }

  /** Submit a task of the fault's own: `taskOf(n, note)` gives it, `note` is the command that notes its run. Returns its number. */
  async submitOwn(taskOf, wanted) {
    const n = firstOwn + this.#own.length;
    this.#own.push(wanted);
    const note = `echo ${n}:$TASK_ATTEMPT:$TASK_CLIENT_ID >> ${this.runs}`;
    await this.asked((server) => server.submit([{ ...taskOf(n, note), tags: { n } }]));
    return n;
  }

  part(kind, options, process = {}) {
    const part = new Part(kind, options, { mark: this.mark, record: join(this.folder, `${kind}.log`), ...process });
    this.#parts.push(part);
    return part;
  }

  /** A connection of the harness to the server; `use` is called with it. */
  async asked(use) {
    const connection = await connect(this.direct, { auth });
    try {
      return await use(connection);
    } finally {
      await connection.close().catch(() => {});
    }
  }

  /** Leases of this client may end, for this reason. */
  accuse(client, reason) {
    const known = this.blame.get(client.id);
    this.blame.set(client.id, known === undefined || known.includes(reason) ? (known ?? reason) : `${known} or ${reason}`);
  }

  tally(name, by = 1) {
    this.harm[name] = (this.harm[name] ?? 0) + by;
  }

  pause(least, most = least) {
    return sleep(this.random.between(least, most));
  }

  /** Do it again and again until the time of the run is over; at least once, or as often as is said. */
  async during(step, atLeast = 1) {
    const end = performance.now() + this.seconds * 1000;
    for (let times = 0; times < atLeast || performance.now() < end; times++) await step(times);
  }

  until(condition, what, ms) {
    return until(condition, what, ms);
  }

  check(holds, otherwise) {
    if (!holds) this.wrong.push(otherwise);
  }

  /** To be undone at the end, come what may: mounts, groups, namespaces. Last made, first undone. */
  later(undo) {
    this.#undo.push(undo);
  }

  /** The runs that were begun so far, by task. */
  executed() {
    return runsIn(this.runs, this.clientOfProcess);
  }

  begun() {
    let count = 0;
    for (const list of this.executed().values()) count += list.length;
    return count;
  }

  /** Bytes noted by tasks so far: grows with every run. */
  noted() {
    return existsSync(this.runs) ? statSync(this.runs).size : 0;
  }

  /** Work goes on: `more` further runs begin. */
  async goesOn(what, more = 10, ms = 20_000) {
    const before = this.begun();
    await this.until(() => this.begun() >= before + more, `${what}: ${more} more runs`, ms);
  }

  /** The submitter ends, everything gets done, every part ends by itself. */
  async finish() {
    await this.until(() => allThere(this).catch(() => false), 'the return of all clients', patience);
    if (this.submitter !== null) {
      this.submitter.tell('finish');
      const receipt = await within(this.submitter.hears('receipt'), 'the submitter to end', patience);
      const given = this.submitter.last('given');
      this.count ??= given;
      this.check(
        receipt.submitted + receipt.duplicates === given,
        `${given} tasks were given, and acknowledged: ${JSON.stringify(receipt)}`,
      );
      await this.submitter.exited;
    }
    if (this.#serverOptions.foreverMode && !this.server.over) await this.#stopServer();
    await within(this.server.exited, 'the server to end', patience);
    await within(Promise.all(this.clients.map(({ exited }) => exited)), 'the clients to end', 20_000);
    judge(this, this.#parts);
  }

  async #stopServer() {
    await this.until(
      async () => {
        try {
          return await this.asked(async (server) => {
            const { pending } = await server.progress();
            const there = (await server.clients()).filter(({ connected }) => connected).length;
            return pending === 0 && there === this.clients.filter(({ over }) => !over).length;
          });
        } catch {
          return false;
        }
      },
      'everything to be done, with all clients there',
      patience,
    );
    this.server.tell('stop');
  }

  /** What is left when everything has ended, and what the store holds. */
  async examine() {
    const { database, runs, wanted, blame, clientOfProcess } = this;
    const extra = this.#own.map((_, i) => firstOwn + i);
    for (const part of this.#parts) if (!part.over) this.wrong.push(`a ${part.kind} part (${part.pid}) is still there`);
    if (process.platform === 'linux') {
      // Watchers need 0.2 s between TERM and KILL.
      await this.until(() => marked(this.mark).length === 0, 'the end of all processes', 5_000).catch(() => {
        this.wrong.push(`processes are left: ${JSON.stringify(marked(this.mark))}`);
      });
      const most = this.#parts.reduce((largest, part) => (part.mostMemory > largest.mostMemory ? part : largest));
      this.memory = most.mostMemory;
      this.check(most.mostMemory < mostMemory, `a ${most.kind} part took ${Math.round(most.mostMemory / 2 ** 20)} MB`);
    }
    const left = readdirSync(join(this.folder, 'spool')).filter((name) => name.startsWith('millrace-'));
    this.check(left.length === 0, `folders for output are left: ${left}`);
    const found = await examine({ database, runs, count: this.count, extra, wanted, blame, clientOfProcess });
    found.wrong.unshift(...this.wrong);
    // A server counts what was there when it started only if it was not done.
    if (this.#served === 1 && this.summary !== undefined && this.summary.submitted !== found.tasks)
      found.wrong.push(`the summary counts ${this.summary.submitted} tasks, the store holds ${found.tasks}`);
    return found;
  }

  /** Ends whatever is left. */
  async close({ keep }) {
    clearInterval(this.#sampler);
    await endAll(this.#parts, this.mark);
    await this.proxy?.close();
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        console.error(`chaos: could not be undone: ${error.message}`);
      }
    }
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }

  #sample() {
    for (const part of this.#parts) part.look();
  }
}
