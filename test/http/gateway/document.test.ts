/** Requests that chance makes out of the OpenAPI document, right and wrong: each is answered in time, with a status that the document names, never with a 5xx. */
import { Agent, request } from 'node:http';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { expectNoLeaks } from '../../support/leaks.ts';
import { startClientOf, startFace } from './rig.ts';

expectNoLeaks();

interface Parameter {
  name: string;
  in: 'path' | 'query';
  schema: { type: string; enum?: string[]; minimum?: number; maximum?: number; items?: Parameter['schema'] };
}

interface Described {
  parameters?: Parameter[];
  requestBody?: { content: Record<string, unknown> };
  responses: Record<string, unknown>;
}

interface Document {
  paths: Record<string, Record<string, Described>>;
}

/** Answers of these never end, or end with the run. */
const streams = new Set(['/api/events', '/api/results']);
/** What any request may get, whatever it is for. */
const anyway = [400, 405, 413, 414, 415, 431];
const requests = 5_000;

const words = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '',
    '0',
    '-1',
    'true',
    'null',
    '[]',
    '{}',
    '../..',
    '%00',
    '__proto__',
    'constructor',
    'args ~ ^(a+)+$',
    'exitStatus == 0',
    'tag.a > 1',
    '1e309',
    '💥',
  ),
);

function textFor(schema: Parameter['schema'], ids: readonly string[]): fc.Arbitrary<string> {
  const { type, enum: values, minimum = 0, maximum = 1e15, items } = schema;
  if (items !== undefined) return textFor(items, ids);
  const right =
    values !== undefined
      ? fc.constantFrom(...values)
      : type === 'integer'
        ? fc.integer({ min: minimum, max: Math.min(maximum, 2_000_000_000) }).map(String)
        : type === 'boolean'
          ? fc.constantFrom('true', 'false')
          : fc.constantFrom('a', 'key:value', 'group == 0', '5s', 'content', ...ids);
  return fc.oneof({ weight: 8, arbitrary: right }, { weight: 1, arbitrary: words });
}

const leaf = fc.oneof(fc.string({ maxLength: 20 }), fc.integer(), fc.double(), fc.boolean(), fc.constant(null));
const taskLike = fc.record(
  {
    args: fc.oneof(fc.constantFrom('true', 'exit 1', 'echo x'), leaf),
    module: leaf,
    tags: fc.oneof(fc.dictionary(fc.string({ maxLength: 5 }), leaf, { maxKeys: 3 }), leaf),
    timeout: leaf,
    group: leaf,
    ids: fc.array(leaf, { maxLength: 3 }),
    where: fc.oneof(fc.array(leaf, { maxLength: 2 }), leaf),
    state: leaf,
    limit: leaf,
    dependsOn: fc.array(leaf, { maxLength: 2 }),
  },
  { requiredKeys: [] },
);
const bodies = fc.oneof(
  taskLike.map((task) => JSON.stringify(task)),
  fc.array(fc.oneof(taskLike, leaf), { maxLength: 5 }).map((tasks) => JSON.stringify(tasks)),
  fc.array(taskLike, { maxLength: 5 }).map((tasks) => tasks.map((task) => JSON.stringify(task)).join('\n')),
  fc.anything({ maxDepth: 4 }).map((value) => {
    try {
      return JSON.stringify(value) ?? '';
    } catch {
      return '{';
    }
  }),
  words,
  fc.constant(`${'['.repeat(50_000)}`),
);

it('five thousand requests made from the document are answered as it says', { timeout: 120_000 }, async () => {
  const face = await startFace({ bodyLimit: '1MB' });
  // What chance submits is never run as it is: it could do anything.
  const client = await startClientOf(face, 2, { template: 'exit 1' });
  const { ids } = (await face.submit(['true', 'exit 1', 'echo hello'])).json<{ ids: string[] }>();
  const { paths } = (await face.get('/openapi.json')).json<Document>();
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  onTestFinished(() => agent.destroy());
  const ask = (method: string, path: string, type: string, body: string | null): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = body === null ? {} : { 'content-type': type };
      const outgoing = request({ host: '127.0.0.1', port: face.port, method, path, agent, headers }, (answer) => {
        answer.resume();
        answer.once('end', () => resolve(answer.statusCode ?? 0)).once('error', reject);
      });
      outgoing.setTimeout(30_000, () => outgoing.destroy(new Error(`${method} ${path} was not answered in 30 s`)));
      outgoing.once('error', (error: NodeJS.ErrnoException) => {
        // The answer to a body that is not read ends the connection, at times under it.
        if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve(400);
        else reject(error);
      });
      outgoing.end(body ?? undefined);
    });
  const operations = Object.entries(paths)
    .filter(([path]) => !streams.has(path))
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, described]) => ({ path, method, described })));
  const one = fc.constantFrom(...operations).chain(({ path, method, described }) => {
    const { parameters = [], requestBody, responses } = described;
    const inPath = parameters.filter((parameter) => parameter.in === 'path');
    const inQuery = parameters.filter((parameter) => parameter.in === 'query');
    const types = [...Object.keys(requestBody?.content ?? {}), 'text/plain'];
    return fc.record({
      method: fc.constant(method.toUpperCase()),
      path: fc
        .tuple(...inPath.map(({ schema }) => textFor(schema, ids)))
        .map((values) => inPath.reduce((text, { name }, i) => text.replace(`{${name}}`, () => safely(values[i]!)), path)),
      query: fc
        .subarray(inQuery, { maxLength: Math.min(3, inQuery.length) })
        .chain((some) => fc.tuple(...some.map(({ name, schema }) => textFor(schema, ids).map((value) => `${name}=${safely(value)}`))))
        .chain((pairs) =>
          fc
            .oneof({ weight: 6, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: words })
            .map((extra) => [...pairs, ...(extra === null ? [] : [safely(extra)])].join('&')),
        ),
      type: fc.constantFrom(...types),
      body: requestBody === undefined ? fc.constant(null) : bodies,
      statuses: fc.constant([...Object.keys(responses).map(Number), ...anyway, 404]),
    });
  });
  let asked = 0;
  const seen = new Map<number, number>();
  for (const batch of fc.sample(fc.array(one, { minLength: 25, maxLength: 25 }), { numRuns: requests / 25 })) {
    await Promise.all(
      batch.map(async ({ method, path, query, type, body, statuses }) => {
        const target = query === '' ? path : `${path}?${query}`;
        const status = await ask(method, target, type, body);
        asked += 1;
        seen.set(status, (seen.get(status) ?? 0) + 1);
        expect(status, `${method} ${target} ${type} ${body?.slice(0, 500)}`).toBeLessThan(500);
        expect(statuses, `${method} ${target} ${type} ${body?.slice(0, 500)}`).toContain(status);
      }),
    );
  }
  expect(asked).toBe(requests);
  // They are not all refused.
  expect(seen.get(200)).toBeGreaterThan(requests / 10);
  expect(seen.get(201)).toBeGreaterThan(20);
  expect((await face.get('/healthz')).json()).toEqual({ alive: true });
  expect(client.state).toBe('connected');
});

function safely(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return 'lone';
  }
}
