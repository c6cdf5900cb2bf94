/**
 * How a server leaves a queue that another one takes over: all that was said is recorded, nobody is told of an end, and the connections are closed last. And how
 * servers part when the queue is done: those that follow and end then are told so, and who leads leaves it to those that stay.
 */
import { MillraceError } from '../base/errors.ts';
import type { TaskStore } from '../store/store.ts';
import type { NetListener } from '../transport/listen.ts';
import type { ServerCore } from './core/core.ts';
import { type Link, tellEnd } from './link.ts';

type Closable = { close(): unknown } | null;

/** How long clients have to leave after the run has ended (ms); a stop that kills waits for their ladders instead. */
export const leaveTime = 2_000;

/** What a server takes over from one that stood by in its place. */
export interface Taken {
  readonly store: TaskStore;
  readonly listener: NetListener;
}

export interface Leaving {
  readonly turns: { committed(): Promise<void> | null; close(): void };
  /** What is closed before the store. */
  readonly stops: readonly Closable[];
  readonly audience: { over(): void };
  readonly links: Iterable<Link> & { closeAll(): void };
  readonly store: TaskStore;
}

/** Which servers would take over; if that cannot be learned, none. */
export async function standingBy(store: TaskStore): Promise<readonly string[]> {
  try {
    return (await store.followers?.()) ?? [];
  } catch {
    return [];
  }
}

/** All at once, whatever becomes of each. */
export async function closeQuietly(parts: readonly Closable[]): Promise<void> {
  await Promise.allSettled(parts.map(async (part) => part?.close()));
}

/** The host has heard all there is. */
export function tellOver(audience: Leaving['audience'], links: Iterable<Link>): void {
  audience.over();
  for (const link of links) if (link.host) link.peer.notify('over', null);
}

export async function handOver({ turns, stops, audience, links, store }: Leaving): Promise<void> {
  await turns.committed()?.catch(() => {});
  turns.close();
  await closeQuietly(stops);
  tellOver(audience, links);
  // Whoever comes back to the next server must find the queue there.
  await closeQuietly([store]);
  links.closeAll();
}

export function takenOver(): MillraceError {
  return new MillraceError(
    'ERR_DATABASE_IN_USE',
    'the queue was taken over by another server, since this one was cut off from the database. This one ends',
  );
}

/** The queue is done, for all servers or for some: `elsewhere`. */
export type Parting = 'complete' | 'elsewhere';

interface Waiting {
  readonly server: string;
  isDue(): boolean;
  tell(parting: Parting): void;
}

export class Partings {
  readonly #core: ServerCore;
  #waiting: Waiting[] = [];
  /** Servers that were told. */
  readonly #told: Set<string> = new Set();

  constructor(core: ServerCore) {
    this.#core = core;
  }

  /**
   * Until nothing is pending and nobody submits. `submitted`: and not before more than so many tasks were submitted in all, or a submission was opened since; null: its
   * first submission was made.
   */
  wait(server: string, submitted: number | null): Promise<Parting> {
    const { counts, submitters } = this.#core;
    const { openings } = submitters;
    const isDue = (): boolean => this.#idle && (submitted === null || counts.total > submitted || submitters.openings > openings);
    return new Promise((resolve) => {
      this.#waiting.push({ server, isDue, tell: resolve });
      this.look('elsewhere');
    });
  }

  /** Tell those whose time has come. */
  look(parting: Parting): void {
    if (this.#waiting.length === 0 || !this.#idle) return;
    const due = this.#due();
    this.#waiting = this.#waiting.filter((one) => !due.has(one.server));
    for (const { server, tell } of due.values()) {
      this.#told.add(server);
      tell(parting);
    }
  }

  /** The server that leads has nothing more to do. Where another one goes on, the queue is left to it; else nothing has changed but that all were told. */
  async leave({ turns, links, store }: Pick<Leaving, 'turns' | 'links' | 'store'>): Promise<Parting> {
    const others = await standingBy(store);
    const due = this.#due();
    const parting = others.some((server) => !due.has(server) && !this.#told.has(server)) ? 'elsewhere' : 'complete';
    this.look(parting);
    if (parting === 'complete') return parting;
    await turns.committed()?.catch(() => {});
    turns.close();
    await store.release?.();
    for (const link of links) tellEnd(link, parting);
    return parting;
  }

  get #idle(): boolean {
    const { counts, submitters } = this.#core;
    return counts.pending === 0 && submitters.open.size === 0;
  }

  #due(): Map<string, Waiting> {
    return new Map(this.#waiting.filter((one) => one.isDue()).map((one) => [one.server, one]));
  }
}
