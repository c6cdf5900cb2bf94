/** What Prometheus is told: the counts of the server when it asks, and the gateway's own requests. What writes its text (5 MB) is loaded by the first who asks. */
import type { Counter, Gauge, Registry } from 'prom-client';
import type { Progress } from '../../task/result.ts';
import type { ClientView } from './backend.ts';

const outcomes = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  timeout: 'timedOut',
  lost: 'lost',
  rejected: 'rejected',
} as const;
const states = ['waiting', 'ready', 'leased', 'running'] as const;

interface Facts {
  readonly progress: Progress;
  readonly clients: readonly ClientView[];
}

interface Answered {
  readonly labels: { readonly method: string; readonly route: string; readonly status: number };
  count: number;
  seconds: number;
}

export class Metrics {
  readonly #listeners: () => number;
  /** Requests that were answered, by method, route and status. */
  readonly #answered: Map<string, Answered> = new Map();
  #register: Promise<{ readonly registry: Registry; set(facts: Facts): void }> | null = null;

  constructor(listeners: () => number) {
    this.#listeners = listeners;
  }

  /** `route`: of the table, never as it was asked for: strangers must not make names. */
  answered(method: string, route: string, status: number, seconds: number): void {
    const name = `${method} ${route} ${status}`;
    let answered = this.#answered.get(name);
    if (answered === undefined) {
      answered = { labels: { method, route, status }, count: 0, seconds: 0 };
      this.#answered.set(name, answered);
    }
    answered.count += 1;
    answered.seconds += seconds;
  }

  async text(facts: Facts): Promise<{ readonly type: string; readonly body: string }> {
    this.#register ??= this.#open();
    const { registry, set } = await this.#register;
    set(facts);
    return { type: registry.contentType, body: await registry.metrics() };
  }

  async #open(): Promise<{ readonly registry: Registry; set(facts: Facts): void }> {
    const { default: client } = await import('prom-client');
    const registry: Registry = new client.Registry();
    const registers = [registry];
    const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
      new client.Gauge({ name: `millrace_${name}`, help, labelNames, registers });
    const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
      new client.Counter({ name: `millrace_${name}`, help, labelNames, registers });
    const ended = counter('tasks_ended_total', 'Tasks that ended, by outcome', ['outcome']);
    const standing = gauge('tasks', 'Tasks that have not ended, by state', ['state']);
    const labels = ['method', 'route', 'status'];
    const requests = counter('http_requests_total', 'Requests that were answered', labels);
    const seconds = counter('http_request_seconds_total', 'How long that took', labels);
    const plain: readonly { readonly metric: Gauge | Counter; readonly of: (facts: Facts) => number }[] = [
      { metric: counter('tasks_submitted_total', 'Tasks that were accepted or rejected'), of: ({ progress }) => progress.submitted },
      { metric: counter('attempts_retried_total', 'Attempts beyond the first of each task'), of: ({ progress }) => progress.retried },
      {
        metric: counter('results_refused_total', 'Results of ended leases, or that came twice'),
        of: ({ progress }) => progress.duplicatesRefused,
      },
      { metric: gauge('tasks_per_second', 'Tasks that end in a second, lately'), of: ({ progress }) => progress.tasksPerSecond },
      { metric: gauge('slots', 'Slots of the connected clients'), of: ({ progress }) => progress.slots },
      {
        metric: gauge('stalled', '1 while the database cannot be written'),
        of: ({ progress }) => (progress.stalled === undefined ? 0 : 1),
      },
      { metric: gauge('clients', 'Connected clients'), of: ({ clients }) => clients.filter(({ connected }) => connected).length },
      { metric: gauge('event_listeners', 'Who listens to events over HTTP'), of: () => this.#listeners() },
    ];
    const set = (facts: Facts): void => {
      for (const metric of [ended, requests, seconds]) metric.reset();
      for (const [outcome, field] of Object.entries(outcomes)) ended.inc({ outcome }, facts.progress[field]);
      for (const state of states) standing.set({ state }, facts.progress[state]);
      for (const answered of this.#answered.values()) {
        requests.inc(answered.labels, answered.count);
        seconds.inc(answered.labels, answered.seconds);
      }
      for (const { metric, of } of plain) {
        metric.reset();
        metric.inc(of(facts));
      }
    };
    return { registry, set };
  }
}
