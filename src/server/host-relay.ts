/**
 * The host's connection at a server that does not lead: it goes to the server that does, and on to the next one when that is gone. The host notices nothing:
 * what was not answered is asked again, and what was not acknowledged is submitted again, under its numbers, so that it counts once.
 *
 * States: *waiting* (nobody leads: what the host says is kept) ⇄ *joined* → *over*.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { Message } from '../protocol/messages.ts';
import type { Connection } from '../transport/connection.ts';
import { watchHeartbeat } from '../transport/heartbeat.ts';

export interface HostRelayOptions {
  readonly clock: Clock;
  /** As of any connection to a server (ms). */
  readonly heartrate: number;
  readonly limit: number;
  /** The server that it was joined to is gone. */
  lost(): void;
}

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
  /** What the host listens to. */
  #listens: Message | null = null;
  #far: Connection | null = null;
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

  /** The server that leads now. */
  join(far: Connection): void {
    if (this.#over) {
      far.close();
      return;
    }
    const before = this.#far;
    this.#far = far;
    before?.close();
    const { clock, heartrate, limit } = this.#options;
    this.#stopHeartbeat();
    this.#stopHeartbeat = watchHeartbeat(far, {
      heartrate,
      limit,
      clock,
      onSilent: () =>
        far.destroy(new MillraceError('ERR_CONNECTION_CLOSED', 'the server that leads was silent for longer than evictAfter')),
    });
    far.start({
      message: (message) => this.#fromServer(far, message),
      drained: () => this.#host.resume(),
      closed: () => {
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

  #fromHost(message: Message): void {
    switch (message[0]) {
      case '?':
        this.#requests.set(message[1], message);
        if (message[2] === 'listen') this.#listens = message;
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
  }

  #fromServer(far: Connection, message: Message): void {
    switch (message[0]) {
      case '=':
      case '!':
        if (!this.#requests.delete(message[1])) return;
        break;
      case 'submitted': {
        const bundles = this.#submissions.get(message[1])?.bundles;
        if (bundles?.get(message[2])?.watched === false) bundles.delete(message[2]);
        break;
      }
      case 'event':
        // The run of the server that leads is over, not this one.
        if (message[1] === 'over') return;
        break;
      case 'end':
        return;
    }
    if (!this.#host.send(message)) far.pause();
  }
}

function idOf(request: Message): number {
  return request[0] === '?' ? request[1] : -1;
}
