/**
 * Decides when tasks leave as a bundle. Pure: time comes in as a number, the bundle comes out as a list.
 *
 * A bundle is cut when nothing is in flight (the other side is idle, waiting gains nothing), when it is full (`bundlesize` tasks
 * or `longestText` of text), when its first task has waited `bundlewait`, or at the end; but never while `window` bundles or `longestFlight` of text are
 * unacknowledged. While those are under way the next one fills, so a fast source sends full bundles and a slow one single tasks.
 */
import { taskSize } from '../task/size.ts';
import type { WireTask } from '../task/task.ts';

export interface BundleLimits {
  /** Tasks in a bundle. */
  readonly bundlesize: number;
  /** Longest wait of a task for company, ms. */
  readonly bundlewait: number;
  /** Bundles that may be unacknowledged. Default: 1,024 tasks in full bundles, but 4 at least and 64 at most. */
  readonly window?: number;
  /** Text in a bundle, in characters; a single task may be longer. Default 256 KiB. */
  readonly longestText?: number;
  /** Text that may be unacknowledged when one more bundle leaves, in characters. Default 1 MiB. */
  readonly longestFlight?: number;
}

/** No submitter has more bundles unacknowledged. */
export const mostInFlight = 64;
const leastInFlight = 4;
/** A server commits what came while it committed: twice what is worth a transaction. With 400 tasks in flight it ran 14,000 calls a second from SQLite, with this many 28,000. */
const tasksInFlight = 1_024;

export class Bundler {
  readonly #bundlesize: number;
  readonly #bundlewait: number;
  readonly #window: number;
  readonly #longestText: number;
  readonly #longestFlight: number;
  #tasks: WireTask[] = [];
  /** Text of `#tasks`. */
  #text = 0;
  /** When the first of `#tasks` came. */
  #since = 0;
  /** Text of each bundle that is not acknowledged, and all of it. */
  readonly #flights: number[] = [];
  #textInFlight = 0;
  #ended = false;

  constructor(limits: BundleLimits) {
    this.#bundlesize = limits.bundlesize;
    this.#bundlewait = limits.bundlewait;
    const full = Math.ceil(tasksInFlight / limits.bundlesize);
    this.#window = limits.window ?? Math.min(mostInFlight, Math.max(leastInFlight, full));
    this.#longestText = limits.longestText ?? 256 * 1024;
    this.#longestFlight = limits.longestFlight ?? 2 ** 20;
  }

  /** How many more tasks it takes now; 0: full. */
  get room(): number {
    return this.#text >= this.#longestText ? 0 : Math.max(0, this.#bundlesize - this.#tasks.length);
  }

  /** Tasks that have not left. */
  get waiting(): number {
    return this.#tasks.length;
  }

  /** Bundles that left and are not acknowledged. */
  get inFlight(): number {
    return this.#flights.length;
  }

  /** Nothing leaves before something is acknowledged. */
  get #closed(): boolean {
    return this.inFlight >= this.#window || this.#textInFlight >= this.#longestFlight;
  }

  /** When a bundle is due by time alone; null: not by time (nothing waits, or the window is closed). */
  get due(): number | null {
    return this.#tasks.length === 0 || this.#closed ? null : this.#since + this.#bundlewait;
  }

  add(tasks: readonly WireTask[], now: number): void {
    if (tasks.length === 0) return;
    if (this.#tasks.length === 0) this.#since = now;
    for (const task of tasks) {
      // As `Loader.load`.
      this.#tasks[this.#tasks.length] = task;
      this.#text += textOf(task);
    }
  }

  /** Nothing more will be added: what waits leaves as soon as the window lets it. */
  end(): void {
    this.#ended = true;
  }

  /** The bundle that leaves now; null: none. It counts as in flight. */
  cut(now: number): WireTask[] | null {
    if (this.#tasks.length === 0 || this.#closed) return null;
    const goes = this.inFlight === 0 || this.#ended || this.room === 0 || now >= this.#since + this.#bundlewait;
    if (!goes) return null;
    const bundle = this.#head();
    // What the text limit left behind came at the same time.
    if (bundle.length < this.#tasks.length) this.#tasks = this.#tasks.slice(bundle.length);
    else this.#tasks = [];
    return bundle;
  }

  /** A bundle was committed: the oldest one, as far as text is counted. */
  acknowledged(): void {
    this.#textInFlight -= this.#flights.shift() ?? 0;
  }

  /** The longest start of the tasks that fits into one bundle; their text is in flight now. */
  #head(): WireTask[] {
    let text = 0;
    let count = 0;
    for (const task of this.#tasks) {
      const more = textOf(task);
      if (count > 0 && (count >= this.#bundlesize || text + more > this.#longestText)) break;
      text += more;
      count += 1;
    }
    this.#text -= text;
    this.#textInFlight += text;
    this.#flights.push(text);
    return count === this.#tasks.length ? this.#tasks : this.#tasks.slice(0, count);
  }
}

/** Characters of a task, near enough: attributes count as a lump but for what may be long. */
function textOf(task: WireTask): number {
  return taskSize(task) + (task[3] === null ? 8 : 72);
}
