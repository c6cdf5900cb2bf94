/** How a server leaves a queue that another one takes over: all that was said is recorded, nobody is told of an end, and the connections are closed last. */
import type { TaskStore } from '../store/store.ts';
import type { NetListener } from '../transport/listen.ts';
import type { Audience } from './audience.ts';
import type { Links } from './links.ts';
import type { Turns } from './turns.ts';

type Closable = { close(): unknown } | null;

/** What a server takes over from one that stood by in its place. */
export interface Taken {
  readonly store: TaskStore;
  readonly listener: NetListener;
}

export interface Leaving {
  readonly turns: Turns;
  /** What is closed before the store. */
  readonly stops: readonly Closable[];
  readonly audience: Audience;
  readonly links: Links;
  readonly store: TaskStore;
}

/** Whether another server would take over; if that cannot be learned, none. */
export async function othersStandBy(store: TaskStore): Promise<boolean> {
  try {
    return ((await store.followers?.()) ?? 0) > 0;
  } catch {
    return false;
  }
}

/** All at once, whatever becomes of each. */
export async function closeQuietly(parts: readonly Closable[]): Promise<void> {
  await Promise.allSettled(parts.map(async (part) => part?.close()));
}

export async function handOver({ turns, stops, audience, links, store }: Leaving): Promise<void> {
  await turns.committed()?.catch(() => {});
  turns.close();
  await closeQuietly(stops);
  audience.over();
  for (const link of links) if (link.host) link.peer.notify('over', null);
  // Whoever comes back to the next server must find the queue there.
  await closeQuietly([store]);
  links.closeAll();
}
