/** The operations on the server as a whole: progress, throughput, clients, events, metrics, and whether it is alive. */
import { type Backend, type ClientView, eventNames } from './backend.ts';
import type { EventStream } from './event-stream.ts';
import type { Metrics } from './metrics.ts';
import { json, type Operation } from './operation.ts';
import { Refusal } from './problem.ts';
import type { Throughput } from './throughput.ts';

export interface OverviewParts {
  readonly backend: Backend;
  readonly events: EventStream;
  readonly metrics: Metrics;
  readonly throughput: Throughput;
}

const clientOrders = ['host', 'slots', 'running', 'leased', 'silentMs'] as const;
/** What can be listened to: events of the server, and the gateway's own. */
const streamed: readonly string[] = [...eventNames, 'throughput'];

export function overviewOperations({ backend, events, metrics, throughput }: OverviewParts): readonly Operation[] {
  const answer = (description: string, schema: Operation['answer']['schema']): Operation['answer'] => ({
    status: 200,
    type: 'application/json',
    description,
    schema,
  });
  return [
    {
      id: 'getProgress',
      method: 'get',
      path: '/api/progress',
      summary: 'The counts so far',
      answer: answer('Counts', { $ref: '#/components/schemas/Progress' }),
      run: async () => json(await backend.progress()),
    },
    {
      id: 'getThroughput',
      method: 'get',
      path: '/api/throughput',
      summary: 'Tasks that ended in each of the last seconds, at most ten minutes',
      answer: answer('A sample a second, oldest first', { type: 'array', items: { $ref: '#/components/schemas/Sample' } }),
      run: () => json(throughput.samples),
    },
    {
      id: 'listClients',
      method: 'get',
      path: '/api/clients',
      summary: 'Clients, a page at a time',
      parameters: [
        { name: 'limit', in: 'query', type: 'integer', description: 'At most so many; 100 if not given', most: 1_000 },
        { name: 'offset', in: 'query', type: 'integer', description: 'How many to pass over', most: 10_000_000 },
        { name: 'orderBy', in: 'query', type: 'text', description: 'By what they are ordered; host if not given', values: clientOrders },
        { name: 'desc', in: 'query', type: 'flag', description: 'The other way round' },
        { name: 'connected', in: 'query', type: 'flag', description: 'Only those that are, or are not' },
        { name: 'search', in: 'query', type: 'text', description: 'Part of the host, the id or a tag' },
      ],
      answer: answer('A page, and how many there are of the kind', {
        type: 'object',
        required: ['clients', 'total'],
        properties: { clients: { type: 'array', items: { $ref: '#/components/schemas/Client' } }, total: { type: 'integer' } },
      }),
      refusals: [400],
      async run({ parameters }) {
        const { limit = 100, offset = 0, orderBy = 'host', desc = false, connected, search = '' } = parameters;
        const words = (search as string).toLowerCase();
        const found = (await backend.clients()).filter(
          (client) => (connected === undefined || client.connected === connected) && (words === '' || mentions(client, words)),
        );
        const name = orderBy as (typeof clientOrders)[number];
        found.sort((a, b) => (a[name] < b[name] ? -1 : a[name] > b[name] ? 1 : a.id < b.id ? -1 : 1));
        if (desc === true) found.reverse();
        const from = offset as number;
        return json({ clients: found.slice(from, from + (limit as number)), total: found.length });
      },
    },
    {
      id: 'streamEvents',
      method: 'get',
      path: '/api/events',
      endless: true,
      summary: 'Events as they happen, as server-sent events; those about tasks come in lists',
      parameters: [
        {
          name: 'name',
          in: 'query',
          type: 'texts',
          description: 'Which; may be given many times; progress if not given',
          values: streamed,
        },
      ],
      answer: { status: 200, type: 'text/event-stream', description: 'Events', schema: { type: 'string' } },
      refusals: [400],
      run({ outgoing, parameters }) {
        events.add(outgoing, (parameters.name as string[] | undefined) ?? ['progress']);
        return null;
      },
    },
    {
      id: 'getMetrics',
      method: 'get',
      path: '/metrics',
      summary: 'Metrics in the text format of Prometheus',
      answer: { status: 200, type: 'text/plain', description: 'Metrics', schema: { type: 'string' } },
      async run() {
        const [progress, clients] = await Promise.all([backend.progress(), backend.clients()]);
        return { status: 200, ...(await metrics.text({ progress, clients })) };
      },
    },
    {
      id: 'getReadiness',
      method: 'get',
      path: '/readyz',
      summary: 'Whether tasks can be accepted now: it runs, and its database can be written',
      open: true,
      answer: answer('It can', { type: 'object' }),
      async run() {
        const { stalled } = await backend.progress();
        if (stalled !== undefined) throw new Refusal(503, 'the database cannot be written');
        return json({ ready: true });
      },
    },
  ];
}

function mentions(client: ClientView, words: string): boolean {
  const { host, id } = client;
  const { tags } = client as ClientView & { readonly tags?: unknown };
  return `${host} ${id} ${JSON.stringify(tags ?? {})}`.toLowerCase().includes(words);
}
