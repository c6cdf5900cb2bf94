/** What Prometheus is told: the counts of the server when it asks, and the gateway's own requests. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
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

export class Metrics {
  readonly contentType: string;
  readonly #registry = new Registry();
  readonly #requests: Histogram<'method' | 'route' | 'status'>;
  readonly #ended: Counter<'outcome'>;
  readonly #states: Gauge<'state'>;
  readonly #plain: readonly { readonly metric: Gauge | Counter; readonly of: (progress: Progress) => number }[];
  readonly #connected: Gauge;

  constructor(listeners: () => number) {
    const registers = [this.#registry];
    const gauge = (name: string, help: string): Gauge => new Gauge({ name: `millrace_${name}`, help, registers });
    const counter = (name: string, help: string): Counter => new Counter({ name: `millrace_${name}`, help, registers });
    this.contentType = this.#registry.contentType;
    this.#ended = new Counter({
      name: 'millrace_tasks_ended_total',
      help: 'Tasks that ended, by outcome',
      labelNames: ['outcome'],
      registers,
    });
    this.#states = new Gauge({ name: 'millrace_tasks', help: 'Tasks that have not ended, by state', labelNames: ['state'], registers });
    this.#plain = [
      { metric: counter('tasks_submitted_total', 'Tasks that were accepted or rejected'), of: ({ submitted }) => submitted },
      { metric: counter('attempts_retried_total', 'Attempts beyond the first of each task'), of: ({ retried }) => retried },
      {
        metric: counter('results_refused_total', 'Results of ended leases, or that came twice'),
        of: (progress) => progress.duplicatesRefused,
      },
      { metric: gauge('tasks_per_second', 'Tasks that end in a second, lately'), of: ({ tasksPerSecond }) => tasksPerSecond },
      { metric: gauge('slots', 'Slots of the connected clients'), of: ({ slots }) => slots },
      { metric: gauge('stalled', '1 while the database cannot be written'), of: ({ stalled }) => (stalled === undefined ? 0 : 1) },
    ];
    this.#connected = gauge('clients', 'Connected clients');
    const listening = gauge('event_listeners', 'Who listens to events over HTTP');
    this.#requests = new Histogram({
      name: 'millrace_http_request_seconds',
      help: 'Requests that were answered, and how long that took',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.#listening = (): void => listening.set(listeners());
  }

  readonly #listening: () => void;

  /** `route`: of the table, never as it was asked for: strangers must not make names. */
  answered(method: string, route: string, status: number, seconds: number): void {
    this.#requests.observe({ method, route, status }, seconds);
  }

  text(progress: Progress, clients: readonly ClientView[]): Promise<string> {
    for (const [outcome, field] of Object.entries(outcomes)) {
      this.#ended.remove({ outcome });
      this.#ended.inc({ outcome }, progress[field]);
    }
    for (const state of states) this.#states.set({ state }, progress[state]);
    for (const { metric, of } of this.#plain) {
      metric.reset();
      metric.inc(of(progress));
    }
    this.#connected.set(clients.filter(({ connected }) => connected).length);
    this.#listening();
    return this.#registry.metrics();
  }
}
