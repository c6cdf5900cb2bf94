/**
 * The names of a daemon at its name server: told when an object is registered, renewed before their lease is over, also after the name server was started
 * anew, and taken back when the object or the daemon ends.
 */
import { systemClock } from '../base/clock.ts';
import type { Binding } from './binding.ts';

/** A renewal comes this often within a lease. */
const renewals = 3;

interface Kept {
  readonly uri: string;
  readonly metadata: readonly string[];
}

/** States. *open*. *over* (`end`): nothing is renewed. */
export class Naming {
  readonly #server: Binding;
  readonly #lease: number;
  readonly #names: Map<string, Kept> = new Map();
  /** Not told yet. */
  readonly #fresh: Set<string> = new Set();
  #work: Promise<void> = Promise.resolve();
  #stopTimer: (() => void) | null = null;
  #over = false;

  /** `lease`: ms. */
  constructor(server: Binding, lease: number) {
    this.#server = server;
    this.#lease = lease;
  }

  keep(name: string, kept: Kept): void {
    this.#names.set(name, kept);
    this.#fresh.add(name);
    this.#enqueue(() => this.#tell());
    this.#stopTimer ??= this.#later();
  }

  /** The names of this URI are not told any more. */
  drop(uri: string): void {
    const gone = [...this.#names].filter(([, kept]) => kept.uri === uri).map(([name]) => [name, uri]);
    if (gone.length === 0) return;
    for (const [name] of gone) {
      this.#names.delete(name!);
      this.#fresh.delete(name!);
    }
    this.#enqueue(async () => void (await this.#server.call('leave', [gone])));
  }

  /** Resolves when the name server has heard of all names so far; rejects when it could not be told, which is tried again with the next renewal. */
  settled(): Promise<void> {
    return this.#work;
  }

  /** Takes the names back, as far as the name server is there. */
  async end(): Promise<void> {
    this.#over = true;
    this.#stopTimer?.();
    const rest = [...this.#names].map(([name, { uri }]) => [name, uri]);
    const { connected } = this.#server;
    await this.#work.catch(() => {});
    if (rest.length > 0 && connected) await this.#server.call('leave', [rest], { timeout: 1_000, signal: null }).catch(() => {});
    this.#server.release();
  }

  #enqueue(step: () => Promise<void>): void {
    const work = this.#work.catch(() => {}).then(step);
    work.catch(() => {});
    this.#work = work;
  }

  async #tell(): Promise<void> {
    const fresh = this.#rows(this.#fresh);
    if (fresh.length === 0) return;
    await this.#server.call('keep', [fresh, this.#lease, true]);
    for (const [name] of fresh) this.#fresh.delete(name);
  }

  async #renew(): Promise<void> {
    await this.#tell();
    await this.#server.call('keep', [this.#rows(this.#names.keys()), this.#lease, false]);
  }

  #rows(names: Iterable<string>): [name: string, uri: string, metadata: readonly string[]][] {
    return [...names].map((name) => {
      const { uri, metadata } = this.#names.get(name)!;
      return [name, uri, metadata];
    });
  }

  #later(): () => void {
    return systemClock.after(
      this.#lease / renewals,
      () => {
        if (this.#over) return;
        this.#enqueue(() => this.#renew());
        this.#stopTimer = this.#later();
      },
      { unref: true },
    );
  }
}
