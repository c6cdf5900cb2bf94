/**
 * The object that answers names: `mill.names` of a daemon. What it keeps lies in a store behind the port `NameStore`, in memory or in the database of a server;
 * a change is answered when it is stored. Changes are made one after the other.
 */
import type { Clock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import {
  checkFilter,
  checkName,
  checkTags,
  isAlive,
  matching,
  type NameFilter,
  type NameRow,
  type Registering,
  registered,
  renewed,
  tagged,
  unknownName,
} from './core/names.ts';
import { URI } from './uri.ts';

/** Where names are kept. */
export interface NameStore {
  get(name: string): Promise<NameRow | null>;
  all(): Promise<NameRow[]>;
  /** Each takes the place of the row of its name. Resolves after the commit. */
  put(rows: readonly NameRow[]): Promise<void>;
  /** Resolves after the commit. */
  remove(names: readonly string[]): Promise<void>;
}

export interface NamePage {
  readonly names: readonly NameRow[];
  /** After which name the next page begins; null: this was the last. */
  readonly next: string | null;
}

/** Names that last as long as their daemon. */
export class MemoryNames implements NameStore {
  readonly #rows: Map<string, NameRow> = new Map();

  async get(name: string): Promise<NameRow | null> {
    return this.#rows.get(name) ?? null;
  }

  async all(): Promise<NameRow[]> {
    return [...this.#rows.values()];
  }

  async put(rows: readonly NameRow[]): Promise<void> {
    for (const row of rows) this.#rows.set(row.name, row);
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) this.#rows.delete(name);
  }
}

const mostNames = 10_000;

/** ms between two looks for dead names. */
const cleaning = 10_000;

export class NameObject {
  readonly #store: NameStore;
  readonly #clock: Clock;
  readonly #startedAt: number;
  #last: Promise<unknown> = Promise.resolve();
  #stopCleaning: () => void = () => {};

  constructor(store: NameStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#startedAt = clock.wall();
    this.#clean();
  }

  /** Not to be called from elsewhere: a daemon exposes the names of `nameMethods` only. */
  end(): void {
    this.#stopCleaning();
    this.#stopCleaning = () => {};
  }

  register(name: unknown, uri: string, { safe, metadata, lease }: { safe?: unknown; metadata?: unknown; lease?: unknown }): Promise<void> {
    const checked = checkName(name);
    const asked: Registering = { uri: new URI(uri).toString(), safe: safe === true, metadata, lease: checkLease(lease) };
    return this.#change(async () => {
      const known = await this.#alive(checked);
      await this.#store.put([registered(checked, known, asked, this.#clock.wall())]);
    });
  }

  /** Names of one daemon. `claim`: they are new there and taken from whoever has them; else they are renewed. */
  keep(rows: unknown, lease: unknown, claim: unknown): Promise<void> {
    if (!Array.isArray(rows) || rows.length > mostNames) throw new MillraceError('ERR_NAME', `at most ${mostNames} names at a time`);
    const now = this.#clock.wall();
    const wanted = rows.map((row: unknown) => {
      const [name, uri, metadata]: unknown[] = Array.isArray(row) ? row : [];
      const place = new URI(uri as string).toString();
      return { name: checkName(name), uri: place, metadata: checkTags(metadata), lease: checkLease(lease), renewedAt: now };
    });
    return this.#change(async () => {
      const kept: NameRow[] = [];
      for (const row of wanted) {
        const own = claim === true ? row : renewed(await this.#alive(row.name), row);
        if (own !== null) kept.push(own);
      }
      await this.#store.put(kept);
    });
  }

  /** The names that still stand for these URIs are removed. */
  leave(rows: unknown): Promise<void> {
    if (!Array.isArray(rows) || rows.length > mostNames) throw new MillraceError('ERR_NAME', `at most ${mostNames} names at a time`);
    return this.#change(async () => {
      const gone: string[] = [];
      for (const row of rows as unknown[]) {
        const [name, uri]: unknown[] = Array.isArray(row) ? row : [];
        const known = await this.#store.get(checkName(name));
        if (known !== null && known.uri === uri) gone.push(known.name);
      }
      await this.#store.remove(gone);
    });
  }

  async lookup(name: unknown): Promise<string> {
    return (await this.#known(name)).uri;
  }

  async metadata(name: unknown): Promise<readonly string[]> {
    return (await this.#known(name)).metadata;
  }

  async tagged(tags: unknown): Promise<string[]> {
    return tagged(await this.#rows(), tags);
  }

  async list(filter: NameFilter): Promise<[name: string, uri: string][]> {
    return matching(await this.#rows(), checkFilter(filter)).map(({ name, uri }) => [name, uri]);
  }

  /** For the server itself: what is kept for a name; null: there is no such name. @throws ERR_NAME */
  find(name: unknown): Promise<NameRow | null> {
    return this.#alive(checkName(name));
  }

  /** For the server itself: at most so many that begin with `prefix` and stand after this name, ascending. */
  async page(prefix: string, after: string | null, limit: number): Promise<NamePage> {
    const rows = matching(await this.#rows(), { prefix }).filter(({ name }) => after === null || name > after);
    return { names: rows.slice(0, limit), next: rows.length > limit ? (rows[limit - 1]?.name ?? null) : null };
  }

  remove(name: unknown): Promise<boolean> {
    const checked = checkName(name);
    return this.#change(async () => {
      const known = await this.#alive(checked);
      await this.#store.remove([checked]);
      return known !== null;
    });
  }

  setMetadata(name: unknown, metadata: unknown): Promise<void> {
    const tags = checkTags(metadata);
    return this.#change(async () => this.#store.put([{ ...(await this.#known(name)), metadata: tags }]));
  }

  ping(): void {}

  async #known(name: unknown): Promise<NameRow> {
    const checked = checkName(name);
    const found = await this.#alive(checked);
    if (found !== null) return found;
    throw unknownName(checked, await this.#rows());
  }

  async #alive(name: string): Promise<NameRow | null> {
    const row = await this.#store.get(name);
    return row !== null && isAlive(row, this.#clock.wall(), this.#startedAt) ? row : null;
  }

  async #rows(): Promise<NameRow[]> {
    const now = this.#clock.wall();
    return (await this.#store.all()).filter((row) => isAlive(row, now, this.#startedAt));
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    const made = this.#last.then(change);
    this.#last = made.catch(() => {});
    return made;
  }

  /** Dead names are gone for everybody at once; here they leave the store. */
  #clean(): void {
    this.#stopCleaning = this.#clock.after(
      cleaning,
      () => {
        this.#clean();
        const swept = this.#change(async () => {
          const now = this.#clock.wall();
          const dead = (await this.#store.all()).filter((row) => !isAlive(row, now, this.#startedAt));
          if (dead.length > 0) await this.#store.remove(dead.map(({ name }) => name));
        });
        swept.catch(() => {});
      },
      { unref: true },
    );
  }
}

/** What others may call of a `NameObject`. */
export const nameMethods: readonly string[] = [
  'register',
  'keep',
  'leave',
  'lookup',
  'metadata',
  'tagged',
  'list',
  'remove',
  'setMetadata',
  'ping',
];

function checkLease(lease: unknown): number | null {
  if (lease === undefined || lease === null) return null;
  if (Number.isFinite(lease) && (lease as number) >= 1) return Math.round(lease as number);
  throw new MillraceError('ERR_NAME', 'a lease is a number of milliseconds');
}
