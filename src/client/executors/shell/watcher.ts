/**
 * The process that cleans up when this one cannot: it holds the numbers of all process groups with commands and, when the pipe to
 * this process closes for whatever reason (`kill -9` too), ends them all and removes the spool.
 *
 * It lives in a session of its own and ignores every signal that can be ignored, so that a Ctrl-C for the host does not end it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { backoffDelay } from '../../../base/backoff.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Logger } from '../../../base/log.ts';

// TERM first, KILL 0.2 s later. `sleep` with a fraction is not POSIX, hence the second try.
const script = `trap '' HUP INT QUIT TERM PIPE USR1 USR2 TSTP
groups=
while read -r op group; do
  case $op in
    +) groups="$groups $group" ;;
    -) kept=
       for one in $groups; do [ "$one" = "$group" ] || kept="$kept $one"; done
       groups=$kept ;;
  esac
done
if [ -n "$groups" ]; then
  for one in $groups; do kill -s TERM -- "-$one"; done
  sleep 0.2 || sleep 1
  for one in $groups; do kill -s KILL -- "-$one"; done
fi
[ -n "$1" ] && rm -rf -- "$1"
`;

/** A watcher that dies is replaced: the first time at once, then after waits that grow from `delay` to `max` (ms). Meanwhile commands go on unwatched. */
const restarts = { delay: 100, factor: 2, max: 10_000, jitter: 0 };
/** One that does not end when it is told to (ms) was stopped by somebody: it is killed. */
const patience = 5_000;

export class Watcher {
  readonly #shell: string;
  readonly #folder: string;
  readonly #path: string | undefined;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #groups = new Set<number>();
  #child: ChildProcess | null = null;
  #restarts = 0;
  #cancelRestart: (() => void) | null = null;
  #closed = false;

  /** `folder`: what to remove at the end. `path`: the PATH in which `sleep` and `rm` are found. */
  constructor(shell: string, folder: string, path: string | undefined, logger: Logger, clock: Clock) {
    this.#clock = clock;
    this.#shell = shell;
    this.#folder = folder;
    this.#path = path;
    this.#logger = logger;
    this.#start();
  }

  /** Watch this process group. */
  add(group: number): void {
    this.#groups.add(group);
    this.#child?.stdin?.write(`+ ${group}\n`);
  }

  /** The group is gone: its number may soon be somebody else's. */
  remove(group: number): void {
    if (this.#groups.delete(group)) this.#child?.stdin?.write(`- ${group}\n`);
  }

  /** The watcher's own process number, null when none could be started. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Ends the watcher; what it still watches is killed first. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRestart?.();
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
    child.stdin?.end();
    const cancel = this.#clock.after(patience, () => void child.kill('SIGKILL'), { unref: true });
    await gone;
    cancel();
  }

  #start(): void {
    const env = this.#path === undefined ? {} : { PATH: this.#path };
    let child: ChildProcess;
    try {
      child = spawn(this.#shell, ['-c', script, this.#shell, this.#folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, env });
    } catch (error) {
      this.#lost(error);
      return;
    }
    this.#child = child;
    child.on('error', (error) => this.#lost(error));
    child.once('exit', () => {
      if (!this.#closed) this.#lost(null);
    });
    child.stdin?.on('error', () => {});
    for (const group of this.#groups) child.stdin?.write(`+ ${group}\n`);
  }

  #lost(error: unknown): void {
    this.#child = null;
    if (this.#closed) return;
    this.#logger.warn({ error }, 'the watcher of task processes ended: were this process killed now, its commands would go on');
    const wait = this.#restarts === 0 ? 0 : backoffDelay(this.#restarts, restarts, 0);
    this.#restarts++;
    this.#cancelRestart?.();
    this.#cancelRestart = this.#clock.after(wait, () => this.#start(), { unref: true });
  }
}
