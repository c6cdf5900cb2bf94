/**
 * What the host of a server that followed may still read when its run is over: the results that were recorded until then, from the database itself, since the
 * server that leads may be gone before the last of them is read.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { ResultPage } from '../data/row-size.ts';
import type { TaskStore } from '../store/store.ts';
import { Peer } from '../transport/peer.ts';
import { Audience } from './audience.ts';
import type { HostRelay } from './host-relay.ts';
import { localLink } from './local-link.ts';

const nobody = { hold: () => {}, observe: () => {}, progress: () => null, committed: () => null, failed: () => {} };

type Page = { readonly cursor: number; readonly limit: number; readonly order?: string };

/** Answer the readers of this host; resolves when there are none left, and its connection is closed. */
export async function readAfter(store: TaskStore, host: HostRelay, clock: Clock): Promise<void> {
  const audience = new Audience(store, new Map(), nobody, clock);
  audience.end();
  const last = { completed: await store.cursor(), input: (await store.numbers({ desc: true, limit: 1 }))[0] ?? 0 };
  const page = async ({ cursor, limit, order }: Page): Promise<ResultPage> => {
    const input = order === 'input';
    // What others submit meanwhile is not of this run.
    if (cursor >= (input ? last.input : last.completed)) return { rows: [], cursor, ended: true };
    return input ? audience.input.page(cursor, limit) : audience.page(cursor, limit);
  };
  const { left, right } = localLink(clock);
  return new Promise((resolve) => {
    let cursors = host.cursors;
    const read = (): void => {
      // A turn later: its answer goes first.
      if (cursors <= 0) clock.after(0, () => right.close());
    };
    new Peer(right, {
      clock,
      requests(name, parameters) {
        if (name === 'page') return page(parameters as Page);
        if (name === 'closeCursor') {
          cursors--;
          read();
        }
        if (['openCursor', 'closeCursor', 'read', 'listen'].includes(name)) return null;
        throw new MillraceError('ERR_ENDED', 'the run has ended; openTasks(database) reads what it left');
      },
      message: () => {},
      closed() {
        host.close();
        resolve();
      },
    });
    host.join(left, true);
    read();
  });
}
