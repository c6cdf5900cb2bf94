/**
 * The host's connection at a server that does not lead: it goes to the server that does, and on to the next one when that is gone. The host notices nothing:
 * what was not answered is asked again, and what was not acknowledged is submitted again, under its numbers, so that it counts once.
 *
 * States: *waiting* (nobody leads: what the host says is kept) ⇄ *joined* → *over*.
 */
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import type { ServerConfig } from '../config/server-options.ts';
import type { ResultOrder } from '../control/results.ts';
import type { Answer, Message, Refusal, Request } from '../protocol/messages.ts';
import { fromWireError } from '../protocol/wire-error.ts';
import type { Connection } from '../transport/connection.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';

export interface HostRelayOptions {
  readonly clock: Clock;
  readonly config: Pick<ServerConfig, 'heartrate' | 'evictAfter'>;
  /** Where its readers of results begin: with what was recorded since this server follows, by the order of results. */
  readonly since: Readonly<Record<ResultOrder, number>>;
  /** The server that it was joined to is gone. */
  lost(): void;
  /** The host has begun to submit. */
  submits(): void;
}

/** The host counts its requests from 1 and does not get so far. */
const firstAsked = 2 ** 40;

interface Submission {
  /** By sequence: what is not acknowledged, and what is watched (its results are still to come). */
  readonly bundles: Map<number, { readonly message: Message; readonly watched: boolean }>;
}

export class HostRelay {
  readonly #host: Connection;
  readonly #options: HostRelayOptions;
  readonly #submissions: Map<string, Submission> = new Map();
  /** Without an answer, by id. */
  readonly #requests: Map<number, Message> = new Map();
  /** Of those that are not the host's. */
  readonly #asked: Map<number, Deferred<unknown>> = new Map();
  #nextAsked = firstAsked;
  /** Open result cursors of the host. */
  cursors = 0;
  /** What the host listens to. */
  #listens: Message | null = null;
  #far: Connection | null = null;
  /** It is this thread's. */
  #near = false;
  /** Resolves when `far` is gone. */
  #parted: Deferred<void> = deferred();
  #stopHeartbeat: () => void = () => {};
  #over = false;

  constructor(host: Connection, options: HostRelayOptions) {
    this.#host = host;
    this.#options = options;
    host.start({
      message: (message) => this.#fromHost(message),
      closed: () => this.close(),
      drained: () => this.#far?.resume(),
    });
  }

  get joined(): boolean {
    return this.#far !== null;
  }

  get submitting(): boolean {
    return this.#submissions.size > 0;
  }

  /** Ask the server that leads, behind all that the host said; again of the next one, until one answers. */
  ask(method: string, parameters: unknown): Promise<unknown> {
    const id = this.#nextAsked++;
    const message: Message = ['?', id, method, parameters];
    const answer = deferred<unknown>();
    answer.promise.catch(() => {});
    this.#asked.set(id, answer);
    this.#requests.set(id, message);
    this.#send(message);
    return answer.promise;
  }

  /** Resolves when all that the server has sent so far has come, or its connection is gone. */
  async flushed(): Promise<void> {
    if (this.#far === null) return;
    await Promise.race([this.ask('read', { results: 0 }).catch(() => {}), this.#parted.promise]);
  }

  /** The server that leads now. `near`: it is of this thread, and cannot be silent and alive. */
  join(far: Connection, near = false): void {
    if (this.#over) {
      far.close();
      return;
    }
    const before = this.#far;
    this.#far = far;
    this.#near = near;
    const parted = deferred<void>();
    this.#parted = parted;
    before?.close();
    const { clock, config } = this.#options;
    this.#stopHeartbeat();
    this.#stopHeartbeat = watchHeartbeat(far, {
      heartrate: config.heartrate,
      limit: near ? Number.POSITIVE_INFINITY : config.evictAfter,
      clock,
      onSilent: () =>
        far.destroy(new MillraceError('ERR_CONNECTION_CLOSED', 'the server that leads was silent for longer than evictAfter')),
    });
    far.start({
      message: (message) => this.#fromServer(far, message),
      drained: () => this.#host.resume(),
      closed: () => {
        parted.resolve();
        if (this.#far !== far) return;
        this.#far = null;
        this.#stopHeartbeat();
        if (!this.#over) this.#options.lost();
      },
    });
    // Its answer goes nowhere: the host has had it.
    if (this.#listens !== null && !this.#requests.has(idOf(this.#listens))) this.#send(this.#listens);
    for (const [id, { bundles }] of this.#submissions) {
      this.#send(['submitter-open', id]);
      for (const { message } of bundles.values()) this.#send(message);
    }
    for (const message of this.#requests.values()) this.#send(message);
    // A server stays for the readers that it knows.
    let opening = 0;
    for (const message of this.#requests.values()) if (message[0] === '?' && message[2] === 'openCursor') opening++;
    for (; opening < this.cursors; opening++) void this.ask('openCursor', { since: 0 });
  }

  /** Tell the host that the run is over for it. */
  tellOver(): void {
    this.#host.send(['event', 'over', null]);
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopHeartbeat();
    this.#host.close();
    this.#far?.close();
    this.#far = null;
    for (const answer of this.#asked.values()) answer.reject(new MillraceError('ERR_ENDED', 'the server has ended'));
    this.#asked.clear();
  }

  #send(message: Message): void {
    const far = this.#far;
    if (far === null) return;
    try {
      if (!far.send(message)) this.#host.pause();
    } catch (thrown) {
      // A carrier between processes takes less than the host's own.
      this.#host.destroy(MillraceError.from(thrown));
    }
  }

  #fromHost(given: Message): void {
    const message = given[0] === '?' && given[2] === 'openCursor' ? this.#cursor(given) : given;
    switch (message[0]) {
      case '?':
        this.#requests.set(message[1], message);
        if (message[2] === 'listen') this.#listens = message;
        if (message[2] === 'closeCursor') this.cursors--;
        break;
      case 'submitter-open':
        this.#submissions.set(message[1], { bundles: new Map() });
        break;
      case 'submit':
        this.#submissions.get(message[1])?.bundles.set(message[2], { message, watched: message[4] === true });
        break;
      case 'submitter-done':
        this.#submissions.delete(message[1]);
        break;
    }
    this.#send(message);
    if (message[0] === 'submitter-open') this.#options.submits();
  }

  #cursor([tag, id, method, parameters]: Request): Message {
    this.cursors++;
    const { order } = parameters as { order?: ResultOrder };
    return [tag, id, method, { order, since: this.#options.since[order ?? 'completed'] }];
  }

  #fromServer(far: Connection, message: Message): void {
    switch (message[0]) {
      case '=':
      case '!':
        if (!this.#requests.delete(message[1])) return;
        if (message[1] >= firstAsked) {
          this.#answered(message);
          return;
        }
        break;
      case 'submitted': {
        const bundles = this.#submissions.get(message[1])?.bundles;
        if (bundles?.get(message[2])?.watched === false) bundles.delete(message[2]);
        break;
      }
      case 'event':
        // The run of the server that leads is over, not this one, unless it is the same.
        if (message[1] === 'over' && !this.#near) return;
        break;
      case 'end':
        return;
    }
    if (!this.#host.send(message)) far.pause();
  }

  #answered([tag, id, value]: Answer | Refusal): void {
    const answer = this.#asked.get(id);
    this.#asked.delete(id);
    if (tag === '=') answer?.resolve(value);
    else answer?.reject(fromWireError(value));
  }
}

function idOf(request: Message): number {
  return request[0] === '?' ? request[1] : -1;
}
