/**
 * Who is told of what was recorded: watchers of single tasks (`run`), listeners to events, the one `onResult`, and readers of
 * cursors that have caught up. Nothing is made for nobody. Only `onResult` slows the run: when the host has too many results, or too many
 * bytes of them, unread the core grants no more. Rows leave in lists of about 1 MiB: a turn may end more than a frame holds.
 */
import type { Clock } from '../base/clock.ts';
import { fewestRows, fitting, leanRow, listsOf, type ResultPage, rowSize } from '../data/row-size.ts';
import type { ClientRow, TaskRow, TaskStore } from '../store/store.ts';
import { storedState } from '../store/store.ts';
import { bytesOf } from '../task/size.ts';
import type { CoreTask } from './core/entities.ts';
import type { Note, NoteName, Turn } from './core/events.ts';
import { InputOrder } from './input-order.ts';
import type { Link } from './link.ts';
import { Words, wordsEvent } from './words.ts';

/** Results, and bytes of them, that the host may have unread before the core holds; it goes on at a quarter of both. */
const mostUnread = 4_096;
const mostUnreadBytes = 16 * 2 ** 20;

const noteNames: readonly NoteName[] = ['submitted', 'scheduled', 'started', 'retried', 'evicted'];

/** How often `progress` is told to those who listen (ms). */
const progressEvery = 500;

/** Names of events that carry whole results. */
const resultEvents = ['result', 'completed'] as const;

export interface AudienceHandlers {
  /** Somebody listens to these notes of the core, or nobody does any more. */
  observe(name: NoteName, wanted: boolean): void;
  progress(): unknown;
  /** As `Turns.committed`. */
  committed(): Promise<void> | null;
  hold(wanted: boolean): void;
  /** A reader's request failed. */
  failed(thrown: unknown): void;
}

interface Parked {
  readonly cursor: number;
  readonly limit: number;
  readonly resolve: (page: ResultPage) => void;
}

export class Audience {
  /** Readers in the order of acceptance. */
  readonly input: InputOrder;
  /** Of running functions, until the next turn tells them. */
  readonly words: Words = new Words();
  readonly #store: TaskStore;
  readonly #handlers: AudienceHandlers;
  readonly #clock: Clock;
  readonly #clients: ReadonlyMap<number, ClientRow>;
  readonly #watched: Map<number, Set<Link>> = new Map();
  readonly #listeners: Set<Link> = new Set();
  #parked: Parked[] = [];
  #unread = 0;
  #unreadBytes = 0;
  /** Lists that the host was sent and has not dealt with, oldest first: it reports their rows, their bytes are known here. */
  #unreadLists: { rows: number; bytes: number }[] = [];
  #holding = false;
  #ended = false;
  #stopProgress: (() => void) | null = null;

  constructor(store: TaskStore, clients: ReadonlyMap<number, ClientRow>, handlers: AudienceHandlers, clock: Clock) {
    this.#clock = clock;
    this.#store = store;
    this.input = new InputOrder(store);
    this.#clients = clients;
    this.#handlers = handlers;
  }

  /** Send the results of these tasks to the link once they are recorded. */
  watch(link: Link, numbers: Iterable<number>): void {
    for (const n of numbers) {
      const links = this.#watched.get(n);
      if (links === undefined) this.#watched.set(n, new Set([link]));
      else links.add(link);
    }
  }

  listen(link: Link, names: readonly string[]): void {
    link.listens.clear();
    for (const name of names) link.listens.add(name);
    if (names.length > 0) this.#listeners.add(link);
    else this.#listeners.delete(link);
    this.#listened();
  }

  get unread(): number {
    return this.#unread;
  }

  /** Nothing will be told any more. */
  over(): void {
    this.#stopProgress?.();
    this.#stopProgress = null;
  }

  /** The host has dealt with this many results. */
  read(results: number): void {
    let left = Math.max(0, Math.min(results, this.#unread));
    this.#unread -= left;
    while (left > 0) {
      const list = this.#unreadLists[0];
      if (list === undefined) break;
      const bytes = left >= list.rows ? list.bytes : Math.floor((list.bytes * left) / list.rows);
      this.#unreadBytes -= bytes;
      if (left < list.rows) {
        list.rows -= left;
        list.bytes -= bytes;
        break;
      }
      left -= list.rows;
      this.#unreadLists.shift();
    }
    if (this.#holding && this.#unread * 4 <= mostUnread && this.#unreadBytes * 4 <= mostUnreadBytes) this.#hold(false);
  }

  leave(link: Link): void {
    this.#listeners.delete(link);
    this.#listened();
    if (link.host) this.read(this.#unread);
    for (const [n, links] of this.#watched) if (links.delete(link) && links.size === 0) this.#watched.delete(n);
  }

  /** After the commit of a turn. */
  tell(turn: Turn): void {
    // Notes first: a start and its end may be of one turn.
    if (turn.notes.length > 0) this.#tellNotes(turn.notes);
    const words = this.words.take();
    if (words !== null) this.event(wordsEvent, words);
    if (turn.ended.length > 0) {
      this.input.told(turn.ended);
      this.#tellEnds(turn);
    }
  }

  /** Somebody listens to this event. */
  hears(name: string): boolean {
    for (const { listens } of this.#listeners) if (listens.has(name)) return true;
    return false;
  }

  event(name: string, value: unknown): void {
    for (const link of this.#listeners) if (link.listens.has(name)) link.peer.notify(name, value);
  }

  /** The next results after a cursor; waits until there are some, or the end. */
  async page(cursor: number, limit: number): Promise<ResultPage> {
    const rows: TaskRow[] = [];
    let next = cursor;
    let bytes = 0;
    while (rows.length < limit) {
      const wanted = Math.min(Math.max(fewestRows, rows.length), limit - rows.length);
      const found = await this.#store.completed(next, wanted);
      const lean = found.rows.map(leanRow);
      const fit = fitting(lean, rowSize, bytes);
      rows.push(...lean.slice(0, fit.count));
      bytes = fit.bytes;
      // Cursors count recorded ends, one each.
      next = found.cursor - (lean.length - fit.count);
      if (fit.count < lean.length || lean.length < wanted) break;
    }
    if (rows.length > 0 || this.#ended) return { rows, cursor: next, ended: rows.length === 0 };
    return new Promise((resolve) => this.#parked.push({ cursor, limit, resolve }));
  }

  /** Lines of tasks that failed, to the host that takes them: unread they hold the run as results do. */
  failures(links: Iterable<Link>, lines: readonly string[]): void {
    for (const link of links) if (link.host) this.#failures(link, lines);
  }

  #failures(host: Link, lines: readonly string[]): void {
    for (let from = 0; from < lines.length; ) {
      const rest = from === 0 ? lines : lines.slice(from);
      const { count, bytes } = fitting(rest, bytesOf);
      host.peer.notify('failures', rest.slice(0, count));
      this.#sent(count, bytes);
      from += count;
    }
    if (!this.#holding && this.#full) this.#hold(true);
  }

  /** Nothing more will be recorded: waiting readers get the end. */
  end(): void {
    this.#ended = true;
    this.input.end();
    this.#unpark();
  }

  #tellEnds(turn: Turn): void {
    const listeners = [...this.#listeners].filter(({ listens }) => resultEvents.some((name) => listens.has(name)));
    if (listeners.length > 0 || this.#watched.size > 0) {
      const rows: TaskRow[] = [];
      const watched = new Map<Link, TaskRow[]>();
      turn.ended.forEach((task, i) => {
        const links = this.#watched.get(task.n);
        if (links === undefined && listeners.length === 0) return;
        const row = this.#row(task, turn.writes!.ends[i]!);
        rows.push(row);
        if (links === undefined) return;
        this.#watched.delete(task.n);
        for (const link of links) {
          const list = watched.get(link);
          if (list === undefined) watched.set(link, [row]);
          else list.push(row);
        }
      });
      for (const [link, list] of watched) for (const part of listsOf(list)) link.peer.notify('watched', part.rows);
      for (const link of listeners) {
        for (const part of listsOf(rows)) {
          for (const name of resultEvents) if (link.listens.has(name)) link.peer.notify(name, part.rows);
          if (link.host) this.#sent(part.rows.length, part.bytes);
        }
        if (!this.#holding && this.#full && link.listens.has('result')) this.#hold(true);
      }
    }
    this.#unpark();
  }

  get #full(): boolean {
    return this.#unread > mostUnread || this.#unreadBytes > mostUnreadBytes;
  }

  #sent(rows: number, bytes: number): void {
    this.#unread += rows;
    this.#unreadBytes += bytes;
    this.#unreadLists.push({ rows, bytes });
  }

  #row(task: CoreTask, end: NonNullable<TaskRow['end']>): TaskRow {
    return leanRow({
      n: task.n,
      submittedAt: task.submittedAt,
      task: task.wire,
      state: storedState.done,
      group: task.group,
      attempts: task.attempts,
      losses: task.losses,
      end,
      client: end.client === null ? null : (this.#clients.get(end.client) ?? null),
    });
  }

  #tellNotes(notes: readonly Note[]): void {
    const byName = new Map<string, unknown[]>();
    for (const { name, n, submittedAt, attempt, clientId, id } of notes) {
      const list = byName.get(name);
      const note = id === undefined ? [n, submittedAt, attempt, clientId] : [n, submittedAt, attempt, clientId, id];
      if (list === undefined) byName.set(name, [note]);
      else list.push(note);
    }
    for (const [name, list] of byName) this.event(name, list);
  }

  #listened(): void {
    for (const name of noteNames) this.#handlers.observe(name, this.hears(name));
    if (!this.hears('progress')) {
      this.#stopProgress?.();
      this.#stopProgress = null;
    } else if (this.#stopProgress === null && !this.#ended) this.#tellProgress();
  }

  #tellProgress(): void {
    this.#stopProgress = this.#clock.after(progressEvery, () => {
      const progress = this.#handlers.progress();
      const tell = (): void => this.event('progress', progress);
      const waiting = this.#handlers.committed();
      if (waiting === null) tell();
      else waiting.then(tell, () => {});
      this.#tellProgress();
    });
  }

  #unpark(): void {
    if (this.#parked.length === 0) return;
    const parked = this.#parked;
    this.#parked = [];
    for (const { cursor, limit, resolve } of parked)
      this.page(cursor, limit).then(resolve, (thrown: unknown) => this.#handlers.failed(thrown));
  }

  #hold(wanted: boolean): void {
    this.#holding = wanted;
    this.#handlers.hold(wanted);
  }
}
