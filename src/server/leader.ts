/** Where the server is that leads a shared queue, as it left word in the database, and the way to it. */
import { type Address, parseAddress } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { ServerConfig } from '../config/server-options.ts';
import type { PeerInfo } from '../protocol/messages.ts';
import type { QueueHolder } from '../store/postgres/holder.ts';
import type { StoreCounts } from '../store/store.ts';
import { outcomeCode, type Summary } from '../task/result.ts';
import type { Connection } from '../transport/connection.ts';
import { Peer } from '../transport/peer.ts';
import { dialUntil } from '../transport/reconnect.ts';
import { peerOf } from './local-link.ts';

/** Between two attempts at most (ms), and one attempt. */
const longestWait = 250;
const attemptTimeout = 2_000;

export class Leader {
  readonly #auth: string | null;
  readonly #database: string;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #word: string | null = null;
  /** The last one that was read. */
  #lastWord: string | null = null;
  /** One look at a time, whoever asks. */
  #looking: Promise<string | null> | null = null;
  #first: StoreCounts | null = null;
  #last: StoreCounts | null = null;

  constructor({ auth }: ServerConfig, database: string, clock: Clock) {
    this.#auth = auth;
    this.#database = database;
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Connect to it as this peer. @throws ERR_CONNECT_TIMEOUT, ERR_AUTH, ERR_TLS, ERR_ABORTED */
  async dial(self: PeerInfo, timeout: number, signal: AbortSignal): Promise<Connection> {
    const { dial } = await import('../transport/dial.ts');
    const clock = this.#clock;
    const attempt = async (left: number): Promise<Connection> => {
      const word = this.#word ?? (await this.#look());
      if (word === null) throw new MillraceError('ERR_CONNECTION_CLOSED', 'no server leads the queue');
      const { address, tls } = optionsOf(word);
      try {
        return await dial(address, { auth: this.#auth, tls, self, clock, timeout: Math.min(left, attemptTimeout), signal });
      } catch (error) {
        // It may lead no longer, or again elsewhere.
        this.#word = null;
        throw error;
      }
    };
    return dialUntil(attempt, { clock, timeout, signal, longestWait });
  }

  /**
   * Tell the one that led last that another one does: it may be cut off from the database alone, and would keep its clients until it hears from that again. Who
   * cannot be reached is dead, or will learn it there.
   */
  async tellReplaced(epoch: number): Promise<void> {
    if (this.#lastWord === null) return;
    const { dial } = await import('../transport/dial.ts');
    const clock = this.#clock;
    const options = { ...optionsOf(this.#lastWord), auth: this.#auth, self: peerOf('control'), clock, timeout: attemptTimeout };
    try {
      const connection = await dial(options.address, options);
      await new Peer(connection, { clock }).request('replaced', { epoch }, { timeout: attemptTimeout }).finally(() => connection.close());
    } catch {
      // As is said.
    }
  }

  /** Tasks that were ever submitted, as far as is known. */
  get submitted(): number {
    return this.#last?.submitted ?? 0;
  }

  /** What became of the queue since `open`. */
  async summary(): Promise<Summary> {
    await this.#look().catch(() => null);
    const [first, last] = [this.#first, this.#last];
    const of = (name: keyof typeof outcomeCode): number => difference(outcomeCode[name], first, last);
    const durationMs = this.#clock.now() - this.#startedAt;
    const counts = {
      succeeded: of('succeeded'),
      failed: of('failed'),
      cancelled: of('cancelled'),
      timedOut: of('timeout'),
      lost: of('lost'),
      rejected: of('rejected'),
    };
    const ended = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const pending = last?.outcomes[0] ?? 0;
    return {
      submitted: ended + pending,
      ...counts,
      pending,
      retried: Math.max(0, (last?.retried ?? 0) - (first?.retried ?? 0)),
      duplicatesRefused: 0,
      durationMs,
      tasksPerSecond: durationMs > 0 ? (ended / durationMs) * 1000 : 0,
    };
  }

  /** Read the counts from which `summary` goes out; how many tasks were ever submitted. */
  async open(): Promise<number> {
    await this.#look();
    return this.#first?.submitted ?? 0;
  }

  #look(): Promise<string | null> {
    this.#looking ??= this.#read().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #read(): Promise<string | null> {
    const { readHolder } = await import('../store/postgres/holder.ts');
    const { word, counts }: QueueHolder = await readHolder(this.#database, this.#clock);
    this.#first ??= counts;
    this.#last = counts;
    this.#word = word;
    this.#lastWord = word ?? this.#lastWord;
    return word;
  }
}

function optionsOf(word: string): { address: Address; tls: { fingerprint: string } | null } {
  const { address, fingerprint } = JSON.parse(word) as { address: unknown; fingerprint: unknown };
  return { address: parseAddress(address), tls: typeof fingerprint === 'string' ? { fingerprint } : null };
}

function difference(code: number, first: StoreCounts | null, last: StoreCounts | null): number {
  return Math.max(0, (last?.outcomes[code] ?? 0) - (first?.outcomes[code] ?? 0));
}
