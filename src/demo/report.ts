/**
 * What the demo shows: one line of progress while it runs, and a summary of what ran where. It gets results and gives lines; it prints
 * nothing itself.
 */
import { basename } from 'node:path';
import type { Progress, Summary, TaskResult } from '../task/result.ts';
import type { Compressed, Hashed } from './work.ts';

/** Slowest tasks that are named, and failures. */
const shown = 3;

interface Share {
  tasks: number;
  busyMs: number;
}

/** One line of progress. */
export function progressLine(progress: Progress): string {
  const { submitted, pending, running, clients, failed, tasksPerSecond, etaMs } = progress;
  const done = submitted - pending;
  // Before that the rate is that of the start.
  const eta = etaMs === null || pending === 0 || done < 100 ? '' : ` · ${seconds(etaMs)} left`;
  const wrong = failed === 0 ? '' : ` · ${failed} failed`;
  return `${done} of ${submitted} done · ${running} running on ${clients} clients · ${Math.round(tasksPerSecond)}/s${wrong}${eta}`;
}

/** Adds up results as they come. */
export class Report {
  readonly #clients: Map<string, Share> = new Map();
  readonly #jobs: Map<string, Share> = new Map();
  readonly #slowest: TaskResult[] = [];
  readonly #failures: TaskResult[] = [];
  /** Bytes of the hashed files and of the counted ones: two ways to the same number. */
  #hashed = 0;
  #counted = 0;
  #lines = 0;
  #compressed: Compressed = { bytes: 0, gzipped: 0 };
  readonly #contents: Set<string> = new Set();
  #results = 0;
  readonly #files: readonly string[];

  /** @param files The files of the plan: tags name them by their place. */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  add(result: TaskResult): void {
    this.#results++;
    const { durationMs, tags } = result;
    addTo(this.#clients, result.clientId ?? 'none', durationMs);
    addTo(this.#jobs, String(tags.job), durationMs);
    keepSlowest(this.#slowest, result);
    if (result.outcome === 'succeeded') this.#addContent(result);
    else this.#failures.push(result);
  }

  #addContent(result: TaskResult): void {
    if (result.tags.job === 'count') {
      const [lines = 0, bytes = 0] = result.stdout.toString().trim().split(/\s+/).map(Number);
      this.#lines += lines;
      this.#counted += bytes;
    } else if (result.tags.job === 'hash') {
      const { bytes, sha256 } = result.value as Hashed;
      this.#hashed += bytes;
      this.#contents.add(sha256);
    } else {
      const { bytes, gzipped } = result.value as Compressed;
      this.#compressed = { bytes: this.#compressed.bytes + bytes, gzipped: this.#compressed.gzipped + gzipped };
    }
  }

  /** What is wrong, in words; empty: every task ran, was recorded once, and the numbers agree. */
  faults(summary: Summary, planned: number): string[] {
    const found: string[] = [];
    if (summary.submitted !== planned) found.push(`${planned} tasks were planned, ${summary.submitted} submitted`);
    if (this.#results !== summary.submitted) found.push(`${summary.submitted} tasks were submitted, ${this.#results} results recorded`);
    for (const result of this.#failures.slice(0, shown))
      found.push(`${result.outcome}: ${this.#nameOf(result)}: ${result.error?.message ?? result.stderr.toString().trim()}`);
    if (this.#failures.length > shown) found.push(`and ${this.#failures.length - shown} more that did not succeed`);
    const bytes = new Set([this.#hashed, this.#counted, this.#compressed.bytes]);
    if (this.#failures.length === 0 && bytes.size > 1) found.push(`the jobs disagree about the bytes: ${[...bytes].join(', ')}`);
    return found;
  }

  /** The summary, a line each. `names`: of the clients, by id. */
  lines(summary: Summary, names: ReadonlyMap<string, string>): string[] {
    const { submitted, succeeded, failed, retried, durationMs, tasksPerSecond } = summary;
    const { bytes, gzipped } = this.#compressed;
    const share = bytes === 0 ? 0 : Math.round((gzipped / bytes) * 100);
    return [
      `${submitted} tasks in ${seconds(durationMs)}, ${Math.round(tasksPerSecond)} a second: ${succeeded} succeeded, ${failed} failed, ${retried} retried`,
      '',
      'where            tasks    busy',
      ...rows(this.#clients, (id) => names.get(id) ?? id),
      '',
      'what             tasks    busy',
      ...rows(this.#jobs, (job) => job),
      '',
      `${megabytes(bytes)} in ${this.#contents.size} different contents, ${this.#lines} lines; gzip makes ${megabytes(gzipped)} of it (${share} %)`,
      `slowest: ${this.#slowest.map((result) => `${Math.round(result.durationMs)} ms ${this.#nameOf(result)}`).join(' · ')}`,
    ];
  }

  #nameOf({ tags }: TaskResult): string {
    return `${tags.job} ${basename(this.#files[Number(tags.file)] ?? '')}`;
  }
}

function addTo(shares: Map<string, Share>, name: string, ms: number): void {
  const share = shares.get(name) ?? { tasks: 0, busyMs: 0 };
  share.tasks++;
  share.busyMs += ms;
  shares.set(name, share);
}

function keepSlowest(slowest: TaskResult[], result: TaskResult): void {
  if (slowest.length === shown && result.durationMs <= slowest[shown - 1]!.durationMs) return;
  slowest.push(result);
  slowest.sort((a, b) => b.durationMs - a.durationMs);
  slowest.length = Math.min(slowest.length, shown);
}

function rows(shares: ReadonlyMap<string, Share>, name: (key: string) => string): string[] {
  return [...shares]
    .map(([key, { tasks, busyMs }]) => `${name(key).padEnd(16)} ${String(tasks).padStart(5)} ${seconds(busyMs).padStart(7)}`)
    .sort();
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
