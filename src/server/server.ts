/**
 * The server: a thin shell around its core. It opens the store, listens, turns messages into events and lets the effects of each turn leave after their commit.
 *
 * States: *running* → *ending* (the run is over or was stopped: every present and future connection is told so; waits, for a bounded time, until its clients
 * have left) → *lingering* (the end is told to the host; only readers of recorded results are still served) → closed. Or *running* → *leaving* → closed.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { ClientInfo } from '../control/control.ts';
import type { ClientRow, Recovery, TaskStore } from '../store/store.ts';
import type { Progress, Summary } from '../task/result.ts';
import type { Connection } from '../transport/connection.ts';
import type { NetListener } from '../transport/listen.ts';
import { Audience } from './audience.ts';
import { Changes } from './changes.ts';
import { ServerCore } from './core/core.ts';
import type { Finish, Turn } from './core/events.ts';
import { factsOf } from './facts.ts';
import { closeQuietly, handOver, leaveTime, Partings, standingBy, type Taken, takenOver, tellOver } from './hand-over.ts';
import { Intake } from './intake.ts';
import { type Link, tellEnd, turnAway } from './link.ts';
import { Links } from './links.ts';
import { type LeadingListener, leadAt, openListener } from './listener.ts';
import type { ServerInfo, ServerParts } from './messages.ts';
import { coreOptions } from './options.ts';
import { OwnIntake } from './own-intake.ts';
import { Records } from './records.ts';
import { recoveredOf } from './recovered.ts';
import type { RequestContext } from './requests.ts';
import { Stall } from './stall.ts';
import { closeStore, openStoreOf } from './store-of.ts';
import { progressOf, type RecordedCounts, summaryOf, withSummary } from './summary.ts';
import { Turns } from './turns.ts';
import { infoOf, welcome } from './welcome.ts';

export class Server {
  readonly ended: Promise<Summary>;
  /** For what the server reads itself. */
  readonly own: OwnIntake;
  readonly changes: Changes;
  readonly #ended: Deferred<Summary> = deferred();
  readonly #closed: Deferred<void> = deferred();
  readonly #parts: ServerParts;
  readonly #store: TaskStore;
  readonly #recovery: Recovery;
  readonly #core: ServerCore;
  readonly #turns: Turns;
  readonly #audience: Audience;
  readonly #links: Links;
  readonly #intake: Intake;
  readonly #partings: Partings;
  readonly #records: Records;
  readonly #startedAt: number;
  /** Every client of this store that may stand in a result, by number. */
  readonly #clients: Map<number, ClientRow>;
  readonly #stall: Stall;
  #listener: LeadingListener | null = null;
  #state: 'running' | 'ending' | 'leaving' | 'lingering' | 'closed' = 'running';
  #finish: Finish | null = null;
  #stopLeaving: (() => void) | null = null;

  /** `given`: of one that stood by. @throws ERR_DATABASE…, ERR_ADDRESS…, ERR_AUTH_REQUIRED, ERR_TLS */
  static async open(parts: ServerParts, given: Taken | null = null): Promise<Server> {
    const store = given?.store ?? (await openStoreOf(parts));
    try {
      const server = new Server(parts, store, await store.recover(), await store.cursor());
      await server.#begin(given?.listener ?? null);
      // The first turn needs no event. Not before it listens: a run that is over at once must not close what is still being opened.
      server.#turns.feed({ type: 'tick' });
      return server;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  private constructor(parts: ServerParts, store: TaskStore, recovery: Recovery, cursor: number) {
    const { config, clock, logger } = parts;
    this.#parts = parts;
    this.#store = store;
    this.#recovery = recovery;
    this.#startedAt = clock.now();
    this.#core = new ServerCore(coreOptions(parts), recovery, { now: clock.now(), wall: clock.wall() });
    const failed = (error: MillraceError): void => this.#fail(error);
    const perform = (turn: Turn): void => this.#perform(turn);
    this.#turns = new Turns(this.#core, store, clock, { perform, failed, stalled: (error) => this.#stall.set(error) }, logger);
    this.#stall = new Stall(clock, recovery.counts, {
      hold: (wanted) => this.#links.stall(wanted),
      tell: (facts) => this.#audience.event('stalled', facts),
      committed: () => this.#turns.committed(),
      abandon: () => this.#turns.abandon(),
      failed: (error) => this.#fail(withSummary(error, this.#summary(this.#stall.counts))),
    });
    this.#clients = new Map(recovery.clients.map((client) => [client.n, client]));
    this.#records = new Records({
      config,
      store,
      salt: recovery.salt,
      clients: this.#clients,
      clock,
      logger,
      tell: (lines) => this.#audience.failures(this.#links, lines),
      hold: (wanted, reason) => this.#turns.feed({ type: wanted ? 'hold' : 'unhold', reason }),
      failed: (error) => this.stop(false, error),
    });
    this.#audience = new Audience(
      store,
      this.#clients,
      {
        hold: (wanted) => this.#turns.feed({ type: wanted ? 'hold' : 'unhold', reason: 'the host has too many results unread' }),
        observe: (name, wanted) => this.#core.observe(name, wanted),
        progress: () => this.#progress(),
        committed: () => (this.#stall.facts === null ? this.#turns.committed() : null),
        failed: (thrown) => this.#fail(MillraceError.from(thrown)),
      },
      clock,
    );
    this.#intake = new Intake(this.#turns, store, recovery.salt);
    this.#partings = new Partings(this.#core);
    this.changes = new Changes({ core: this.#core, store, clock, turns: this.#turns });
    this.#links = new Links({
      context: this.#context(cursor),
      turns: this.#turns,
      intake: this.#intake,
      store,
      welcome: welcome(parts, recovery),
      epoch: recovery.epoch,
      failed,
      ...parts,
    });
    this.ended = this.#ended.promise;
    this.own = new OwnIntake({ turns: this.#turns, intake: this.#intake, links: this.#links, failed, ended: this.ended });
  }

  get info(): Omit<ServerInfo, 'httpAddress'> {
    return infoOf(this.#parts, this.#listener, this.#recovery.salt, recoveredOf(this.#recovery));
  }

  /** Take over a connection: the host's own, or that of a client, `joined` when it is in this process and ends with it. */
  accept(connection: Connection, host: boolean, joined = false): Link {
    const link = this.#links.add(connection, host, joined);
    if (this.#state !== 'running') turnAway(link, this.#finish);
    return link;
  }

  /** Take over a connection that came over the network. */
  admit(connection: Connection): void {
    if (connection.peer.role !== 'caller') this.accept(connection, false);
    else if (this.#listener === null) connection.close();
    else this.#listener.objects.accept(connection);
  }

  hold(wanted: boolean): void {
    this.#turns.feed({ type: wanted ? 'hold' : 'unhold', reason: 'it is paused' });
  }

  /** Where others stand by, the queue goes to them: what runs goes on, and whoever is connected here connects there. Else as `stop`. */
  async handOver(drain: boolean): Promise<void> {
    const shared = this.#store.followers !== undefined && this.#state === 'running' && (await standingBy(this.#store)).length > 0;
    if (!shared || this.#state !== 'running') return this.stop(drain);
    this.#state = 'leaving';
    const stops = [this.#stall, this.#listener, this.#records];
    await handOver({ turns: this.#turns, stops, audience: this.#audience, links: this.#links, store: this.#store });
    this.#state = 'closed';
    this.#ended.resolve(this.#summary());
  }

  stop(drain: boolean, error: MillraceError | null = null): void {
    if (this.#state !== 'running') return;
    if (error !== null) this.#finish ??= { reason: 'failed', error };
    this.#stall.end(drain ? 'drain' : 'stop');
    this.#turns.feed({ type: 'stop', drain });
  }

  async #begin(given: NetListener | null): Promise<void> {
    await this.#records.open();
    try {
      await this.#links.recover();
      const bound = given ?? (await openListener(this.#parts, (connection) => this.admit(connection)));
      this.#listener = bound && (await leadAt(this.#parts, this.#store, bound));
    } catch (error) {
      await this.#records.close().catch(() => {});
      throw error;
    }
  }

  #perform(turn: Turn): void {
    this.#links.perform(turn);
    for (const client of turn.writes?.clients ?? []) this.#clients.set(client.n, client);
    this.#stall.recorded(turn);
    this.#records.add(turn);
    this.#audience.tell(turn);
    for (const id of turn.joined) this.#audience.event('clientJoined', this.#factsOf(id));
    for (const id of turn.left) this.#audience.event('clientLeft', this.#factsOf(id));
    if (turn.finish === null) this.#partings.look('elsewhere');
    else if (this.#state === 'running') void this.#finished(turn.finish);
  }

  /** Where servers stay whose work is not done, the queue is theirs: then only this one ends. */
  async #finished(finish: Finish): Promise<void> {
    if (finish.reason !== 'complete' || this.#store.release === undefined) return this.#end(finish);
    this.#state = 'leaving';
    const parting = await this.#partings.leave({ turns: this.#turns, links: this.#links, store: this.#store });
    if (this.#state === 'leaving') await (parting === 'complete' ? this.#end(finish) : this.#linger());
  }

  #end(finish: Finish): void {
    this.#state = 'ending';
    this.#finish = this.#finish ?? finish;
    this.#stall.end('stop');
    this.#audience.end();
    for (const link of this.#links) tellEnd(link, this.#finish.reason);
    this.#stopLeaving = this.#parts.clock.after(leaveTime, () => void this.#leave());
    this.#links.whenNoClients(() => void this.#leave());
  }

  async #leave(): Promise<void> {
    if (this.#state !== 'ending') return;
    this.#state = 'leaving'; // A reader that moves meanwhile must not close what has not ended.
    this.#stopLeaving?.();
    await this.#turns.committed()?.catch(() => {}); // The summary says what the store has.
    await this.#linger();
  }

  async #linger(): Promise<void> {
    if (this.#state !== 'leaving') return;
    this.#state = 'lingering';
    this.#audience.end();
    const summary = this.#summary();
    await this.#listener?.close().catch((error: unknown) => this.#parts.logger.warn({ err: error }, 'the listener did not close'));
    this.#links.closeAllButReaders();
    for (const part of [this.#turns, this.#stall]) part.close();
    const [closing] = await Promise.allSettled([this.#records.close()]);
    const unwritten = closing.status === 'rejected' ? MillraceError.from(closing.reason) : null;
    tellOver(this.#audience, this.#links);
    const error = this.#finish?.error ?? unwritten ?? this.#records.error(summary);
    void this.#closeWhenRead();
    if (error === null) this.#ended.resolve(summary);
    else this.#ended.reject(withSummary(error, summary));
  }

  /**
   * Readers of results are served after the end: the store stays open for them. The last one is answered when it is closed: a host that then
   * ends its process must not find this thread inside of the database's driver, which aborts the process.
   */
  async #closeWhenRead(): Promise<void> {
    if (this.#state !== 'lingering' || this.#links.cursors > 0 || this.#audience.unread > 0) return;
    this.#state = 'closed';
    await closeStore(this.#store, this.#parts.logger);
    this.#closed.resolve();
    this.#parts.clock.after(0, () => this.#links.closeAll());
  }

  /** After the end: until when readers need the server; null: they do not. */
  lingers(): Promise<void> | null {
    return this.#state === 'lingering' ? this.#closed.promise : null;
  }

  #fail(error: MillraceError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    for (const part of [this.#turns, this.#stall]) part.close();
    this.#audience.end();
    this.#links.closeAll(error);
    void closeQuietly([this.#records, this.#listener, this.#store]).then(() => this.#ended.reject(error));
  }

  #factsOf(id: string): ClientInfo {
    return factsOf(id, this.#core.clients(), this.#clients.values(), this.#parts.clock.now());
  }

  #context(firstCursor: number): Omit<RequestContext, 'peerOf'> {
    return {
      core: this.#core,
      store: this.#store,
      audience: this.#audience,
      clock: this.#parts.clock,
      salt: this.#recovery.salt,
      firstCursor,
      progress: () => this.#progress(),
      committed: () => this.#turns.committed(),
      known: () => this.#stall.known(),
      stalled: () => this.#stall.facts,
      changes: this.changes,
      objects: () => this.#listener?.objects ?? null,
      readerMoved: () => this.#closeWhenRead(),
      partings: this.#partings,
      replaced: (epoch) => epoch > this.#recovery.epoch && this.#fail(takenOver()),
    };
  }

  #summary(recorded: RecordedCounts | null = null): Summary {
    return summaryOf(this.#core, this.#parts.clock.now() - this.#startedAt, recorded);
  }

  #progress(): Progress {
    const { now } = this.#turns.time;
    return progressOf(this.#core, now - this.#startedAt, this.#records.perSecond(now), this.#stall.view);
  }
}
