/**
 * The server: a thin shell around its core. It opens the store, listens, turns messages into events and lets the effects
 * of each turn leave after their commit.
 *
 * States: *running* → *ending* (the run is over or was stopped: every present and future connection is told so; waits, for a bounded time, until
 * its clients have left) → *lingering* (the end is told to the host; only readers of recorded results are still served) → closed.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName } from '../base/ids.ts';
import type { ClientInfo } from '../control/control.ts';
import type { Message } from '../protocol/messages.ts';
import { type OpenedStore, openStore } from '../store/open.ts';
import type { ClientRow, Recovery } from '../store/store.ts';
import { outcomeCode, type Progress, type Summary } from '../task/result.ts';
import type { WireTask } from '../task/task.ts';
import type { Connection } from '../transport/connection.ts';
import type { NetListener } from '../transport/listen.ts';
import { Audience } from './audience.ts';
import { ServerCore } from './core/core.ts';
import type { CoreEvent, Finish, Turn } from './core/events.ts';
import { factsOf } from './facts.ts';
import { Intake, IntakeLane } from './intake.ts';
import type { Link } from './link.ts';
import { Links } from './links.ts';
import type { ServerInfo, ServerParts } from './messages.ts';
import { coreOptions } from './options.ts';
import { RateMeter } from './rate.ts';
import type { RequestContext } from './requests.ts';
import { Failures, progressOf, summaryOf, withSummary } from './summary.ts';
import { Turns } from './turns.ts';

/** How long clients have to leave after the run has ended (ms); a stop that kills waits for their ladders instead. */
const leaveTime = 2_000;

export class Server {
  readonly ended: Promise<Summary>;
  readonly #ended: Deferred<Summary> = deferred();
  readonly #closed: Deferred<void> = deferred();
  readonly #parts: ServerParts;
  readonly #store: OpenedStore;
  readonly #recovery: Recovery;
  readonly #core: ServerCore;
  readonly #turns: Turns;
  readonly #audience: Audience;
  readonly #links: Links;
  readonly #intake: Intake;
  readonly #own: IntakeLane = new IntakeLane('source', (error) => this.#fail(error));
  readonly #rate: RateMeter;
  readonly #failures: Failures;
  readonly #startedAt: number;
  readonly #firstCursor: number;
  /** Every client of this store that may stand in a result, by number. */
  readonly #clients: Map<number, ClientRow>;
  #listener: NetListener | null = null;
  #state: 'running' | 'ending' | 'lingering' | 'closed' = 'running';
  #finish: Finish | null = null;
  #afterCommit: (() => void)[] = [];
  #stopLeaving: (() => void) | null = null;

  /** @throws ERR_DATABASE…, ERR_ADDRESS…, ERR_AUTH_REQUIRED, ERR_TLS */
  static async open(parts: ServerParts): Promise<Server> {
    const { config, clock } = parts;
    const { count, age } = config.retain;
    const retain = { ...(count === null ? {} : { count }), ...(age === null ? {} : { age }) };
    const store = await openStore(config.database ?? undefined, { retain, clock });
    try {
      const server = new Server(parts, store, await store.recover(), await store.cursor());
      await server.#listen();
      // The first turn needs no event. Not before it listens: a run that is over at once must not close what is still being opened.
      server.#feed({ type: 'tick' });
      return server;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  private constructor(parts: ServerParts, store: OpenedStore, recovery: Recovery, cursor: number) {
    const { config, clock, logger } = parts;
    this.#parts = parts;
    this.#store = store;
    this.#recovery = recovery;
    this.#firstCursor = cursor;
    this.#startedAt = clock.now();
    this.#rate = new RateMeter(clock.now());
    this.#failures = new Failures(config.throwOnFailure, recovery.salt);
    this.#core = new ServerCore(coreOptions(config, parts.expectSource), recovery, { now: clock.now(), wall: clock.wall() });
    this.#turns = new Turns(this.#core, store, clock, this.#turnHandlers(), logger);
    this.#clients = new Map(recovery.clients.map((client) => [client.n, client]));
    this.#audience = new Audience(
      store,
      this.#clients,
      {
        hold: (wanted) => this.#feed({ type: wanted ? 'hold' : 'unhold', reason: 'the host has too many results unread' }),
        observe: (name, wanted) => this.#core.observe(name, wanted),
        progress: () => this.#progress(),
        failed: (thrown) => this.#fail(MillraceError.from(thrown)),
      },
      clock,
    );
    this.#intake = new Intake(this.#turns, store);
    this.#links = new Links({
      context: this.#context(),
      turns: this.#turns,
      intake: this.#intake,
      store,
      clock,
      welcome: this.#welcome(),
      evictAfter: config.evictAfter,
      heartrate: config.heartrate,
    });
    this.ended = this.#ended.promise;
    this.ended.catch(() => {});
  }

  get info(): ServerInfo {
    return {
      address: this.#listener?.address ?? null,
      key: this.#parts.config.auth === null ? (this.#listener?.key ?? null) : null,
      salt: this.#recovery.salt,
    };
  }

  /** Take over a connection: the host's own, or that of a client in this process. */
  accept(connection: Connection, host: boolean): Link {
    const link = this.#links.add(connection, host);
    if (this.#state !== 'running') this.#sayEnd(link);
    return link;
  }

  /** The server's own source begins: answers to it go to `receive`. */
  openOwn(submitter: string, receive: (message: Message) => void): void {
    this.#links.intercept(this.#own.name, receive);
    this.#feed({ type: 'submitter-open', connection: this.#own.name, submitter });
  }

  closeOwn(submitter: string): void {
    this.#intake.done(this.#own, submitter);
  }

  submitOwn(submitter: string, sequence: number, tasks: WireTask[]): void {
    this.#intake.submit(this.#own, ['submit', submitter, sequence, tasks, false]);
  }

  hold(wanted: boolean): void {
    this.#feed({ type: wanted ? 'hold' : 'unhold', reason: 'it is paused' });
  }

  stop(drain: boolean, error: MillraceError | null = null): void {
    if (this.#state !== 'running') return;
    if (error !== null) this.#finish ??= { reason: 'failed', error };
    this.#feed({ type: 'stop', drain });
  }

  #feed(event: CoreEvent, rows = 0): void {
    this.#turns.feed(event, rows);
  }

  async #listen(): Promise<void> {
    const { config, clock, listens, id, logger } = this.#parts;
    if (!listens) return;
    // Sockets and TLS take 50 ms to load, and `runLocal` needs neither.
    const { listen } = await import('../transport/listen.ts');
    this.#listener = await listen({
      address: config.address,
      auth: config.auth,
      tls: config.tls,
      self: { role: 'server', id, host: hostName(), pid: process.pid },
      clock,
      onConnection: (connection) => this.accept(connection, false),
      onRefused: (error, remote) => logger.warn({ err: error, remote }, 'a connection was refused'),
    });
    const { address, key, fingerprint } = this.#listener;
    this.#store.announce?.(JSON.stringify({ address, key: config.auth === null ? key : null, fingerprint }));
  }

  #welcome(): Message {
    const { id, config } = this.#parts;
    const { epoch, salt } = this.#recovery;
    return ['welcome', { id, host: hostName(), epoch, salt, heartrate: config.heartrate, evictAfter: config.evictAfter }];
  }

  #turnHandlers(): ConstructorParameters<typeof Turns>[3] {
    return {
      perform: (turn) => this.#perform(turn),
      stalled: (error) => {
        // While nothing can be written nothing new is accepted: submissions and results wait with their senders.
        this.#links.stall(error !== null);
        this.#audience.event('stalled', error === null ? null : { code: error.code, message: error.message });
      },
      failed: (error) => this.#fail(error),
    };
  }

  #perform(turn: Turn): void {
    this.#rate.add(turn.ended.length, this.#parts.clock.now());
    for (const { connection, message } of turn.sends) this.#links.send(connection, message);
    for (const { connection, error } of turn.cut) this.#links.cut(connection, error);
    for (const client of turn.writes?.clients ?? []) this.#clients.set(client.n, client);
    this.#failures.add(turn);
    this.#audience.tell(turn);
    for (const id of turn.joined) this.#audience.event('clientJoined', this.#factsOf(id));
    for (const id of turn.left) this.#audience.event('clientLeft', this.#factsOf(id));
    for (const done of this.#afterCommit.splice(0)) done();
    if (turn.finish !== null && this.#state === 'running') this.#end(turn.finish);
  }

  #end(finish: Finish): void {
    this.#state = 'ending';
    this.#finish = this.#finish ?? finish;
    for (const link of this.#links) this.#sayEnd(link);
    this.#stopLeaving = this.#parts.clock.after(leaveTime, () => void this.#leave());
    this.#links.whenNoClients(() => void this.#leave());
  }

  #sayEnd(link: Link): void {
    if (link.role !== 'client') {
      this.#audience.end();
      return;
    }
    link.connection.send(['end', this.#finish?.reason ?? 'complete']);
    link.connection.close();
  }

  async #leave(): Promise<void> {
    if (this.#state !== 'ending') return;
    this.#state = 'lingering';
    this.#stopLeaving?.();
    this.#audience.end();
    const summary = summaryOf(this.#core, this.#parts.clock.now() - this.#startedAt);
    await this.#listener?.close().catch((error: unknown) => this.#parts.logger.warn({ err: error }, 'the listener did not close'));
    this.#links.closeAllButReaders();
    this.#turns.close();
    this.#audience.over();
    for (const link of this.#links) if (link.host) link.peer.notify('over', null);
    const error = this.#finish?.error ?? this.#failures.error(summary);
    this.#closeWhenRead();
    if (error === null) this.#ended.resolve(summary);
    else this.#ended.reject(withSummary(error, summary));
  }

  /** Readers of results are served after the end: the store stays open for them. */
  #closeWhenRead(): void {
    if (this.#state !== 'lingering' || this.#links.cursors > 0 || this.#audience.unread > 0) return;
    this.#state = 'closed';
    this.#links.closeAll();
    void Promise.resolve(this.#store.close())
      .catch((error: unknown) => this.#parts.logger.error({ err: error }, 'the store did not close'))
      .then(() => this.#closed.resolve());
  }

  /** After the end: until when readers need the server; null: they do not. */
  lingers(): Promise<void> | null {
    return this.#state === 'lingering' ? this.#closed.promise : null;
  }

  #fail(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#turns.close();
    this.#audience.end();
    this.#links.closeAll(error);
    const closing = [this.#listener?.close(), this.#store.close()].map((step) => Promise.resolve(step).catch(() => {}));
    void Promise.all(closing).then(() => this.#ended.reject(error));
  }

  #factsOf(id: string): ClientInfo {
    return factsOf(id, this.#core.clients(), this.#clients.values(), this.#parts.clock.now());
  }

  #context(): RequestContext {
    return {
      core: this.#core,
      store: this.#store,
      audience: this.#audience,
      clock: this.#parts.clock,
      salt: this.#recovery.salt,
      firstCursor: this.#firstCursor,
      progress: () => this.#progress(),
      cancel: (numbers) => this.#cancel(numbers),
      readerMoved: () => this.#closeWhenRead(),
    };
  }

  #progress(): Progress {
    const now = this.#parts.clock.now();
    return progressOf(this.#core, now - this.#startedAt, this.#rate.perSecond(now));
  }

  async #cancel(numbers: readonly number[]): Promise<number> {
    const rows = await this.#store.pending(numbers.filter((n) => this.#core.task(n) === null));
    const before = this.#core.counts.outcomes[outcomeCode.cancelled] ?? 0;
    this.#feed({ type: 'cancel', numbers, rows });
    const cancelled = (this.#core.counts.outcomes[outcomeCode.cancelled] ?? 0) - before;
    await new Promise<void>((resolve) => this.#afterCommit.push(resolve));
    return cancelled;
  }
}
