/** The context of a trace goes with a task from its submission to its end, in every thread, where somebody traces; where nobody does nothing of it is loaded. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';

interface Span {
  name: string;
  kind: number;
  attributes: Record<string, unknown>;
  status: { code: number; message?: string };
  events: string[];
  traceId: string;
  spanId: string;
  parent: string | null;
  main: boolean;
}
interface Told {
  root: { traceId: string; spanId: string };
  tasks: { name: string; said: string | { traceId: string; spanId: string } }[];
}

const fixture = (name: string): string => new URL(`./fixtures/${name}`, import.meta.url).pathname;
const [server, client, producer, consumer] = [1, 2, 3, 4];

async function run(...flags: readonly string[]): Promise<{ told: Told; spans: Span[] }> {
  const options = { env: { ...process.env, NODE_OPTIONS: '' }, timeout: 60_000 };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, fixture('traced.mjs')], options);
  const lines = stderr.split('\n').filter((line) => line !== '');
  return { told: JSON.parse(stdout) as Told, spans: lines.map((line) => JSON.parse(line) as Span) };
}

describe('a task that is submitted within a trace', () => {
  let told: Told;
  let spans: Span[];
  const named = (name: string): Span[] => spans.filter((span) => span.name === name);
  const byId = (spanId: string): Span => spans.find((span) => span.spanId === spanId)!;
  /** The span that a task saw: of a command in its environment, of a function as the active one. */
  function seen(task: string): Span {
    const { said } = told.tasks.find(({ name }) => name === task)!;
    return byId(typeof said === 'string' ? said.split('-')[2]! : said.spanId);
  }

  beforeAll(async () => {
    ({ told, spans } = await run('--import', fixture('tracing-setup.mjs')));
  }, 90_000);

  it.each(['handle', 'own', 'function', 'failing', 'later', 'connection', 'submitter'])(
    'runs in a span below that of its submission, which is below what was active there (%s)',
    (task) => {
      const ran = seen(task);
      expect(ran).toMatchObject({ name: 'millrace.run', kind: consumer, main: false, traceId: told.root.traceId });
      expect(ran.attributes).toMatchObject({
        'messaging.system': 'millrace',
        'messaging.operation.type': 'process',
        'millrace.attempt': 1,
      });
      const submitted = byId(ran.parent!);
      expect(submitted).toMatchObject({ name: 'millrace.submit', kind: producer, main: true, parent: told.root.spanId });
    },
  );

  it('has the error of what fails: a status of a command, an exception of a function', () => {
    expect(seen('failing')).toMatchObject({ status: { code: 2, message: 'exit status 3' }, attributes: { 'process.exit.code': 3 } });
    const thrown = named('millrace.run').filter(({ events }) => events.includes('exception'));
    expect(thrown.map(({ status }) => status.message).sort()).toEqual(['exit status 3', 'it went wrong']);
    expect(seen('handle')).toMatchObject({ status: { code: 0 } });
  });

  it('is of the trace of the request that it came with over HTTP', () => {
    const ran = seen('http');
    const request = byId(ran.parent!);
    expect(request).toMatchObject({
      name: 'POST /api/tasks',
      kind: server,
      attributes: { 'http.route': '/api/tasks', 'http.response.status_code': 201 },
    });
    expect(byId(request.parent!)).toMatchObject({ name: 'POST', kind: client, main: true, parent: told.root.spanId });
  });

  it('a handler that asks another server is between the two in the trace, and a request that fails says so', () => {
    const [progress] = named('GET /api/progress');
    const outgoing = byId(progress!.parent!);
    expect(outgoing).toMatchObject({ name: 'GET', kind: client, main: false });
    expect(byId(outgoing.parent!)).toMatchObject({ name: 'GET /on', kind: server });
    expect(byId(byId(outgoing.parent!).parent!)).toMatchObject({ main: true, parent: told.root.spanId });
    const failed = named('GET').filter(({ status }) => status.code === 2);
    expect(failed).toMatchObject([{ main: true, events: ['exception'] }]);
  });

  it('begins a trace where none is', () => {
    const submitted = byId(seen('alone').parent!);
    expect(submitted).toMatchObject({ name: 'millrace.submit', parent: null });
    expect(submitted.traceId).not.toBe(told.root.traceId);
  });
});

it('where nobody traces tasks see nothing of it', async () => {
  const { told, spans } = await run();
  expect(told.tasks.filter(({ said }) => said !== '' && said !== null)).toEqual([]);
  expect(told.tasks).toHaveLength(10);
  expect(spans).toEqual([]);
}, 90_000);
