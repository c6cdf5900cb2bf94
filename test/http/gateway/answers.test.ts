/** What is answered has the shape that the OpenAPI document says, and nothing that it does not name: who makes a client of the document gets all of it. */
import { expect, it } from 'vitest';
import { expectNoLeaks } from '../../support/leaks.ts';
import { until } from '../../support/until.ts';
import { startClientOf, startFace } from './rig.ts';

expectNoLeaks();

interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  type?: string | string[];
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema;
  items?: Schema;
}

interface Document {
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, { content: Record<string, { schema: Schema }> }> }>
  >;
  components: { schemas: Record<string, Schema> };
}

/** Where a value is not what the schema says, or has a field that it does not name. */
function faults({ components }: Document, schema: Schema, value: unknown, at: string): string[] {
  const look = ({ $ref, ...own }: Schema, one: unknown, place: string): string[] => {
    const {
      anyOf,
      type,
      enum: values,
      required = [],
      properties,
      additionalProperties,
      items,
    } = $ref === undefined ? own : (components.schemas[$ref.split('/').at(-1)!] as Schema);
    if (anyOf !== undefined) {
      const found = anyOf.map((option) => look(option, one, place));
      return found.find((list) => list.length === 0) ?? found.flat();
    }
    const kind = one === null ? 'null' : Array.isArray(one) ? 'array' : typeof one;
    const types = type === undefined ? null : [type].flat();
    if (types !== null && !types.some((wanted) => wanted === kind || (wanted === 'integer' && Number.isInteger(one))))
      return [`${place} is ${kind}, not ${types}`];
    if (values !== undefined && !values.includes(one)) return [`${place} is ${String(one)}`];
    if (Array.isArray(one)) return items === undefined ? [] : one.flatMap((each, i) => look(items, each, `${place}[${i}]`));
    if (kind !== 'object' || (properties === undefined && additionalProperties === undefined)) return [];
    const record = one as Record<string, unknown>;
    return [
      ...required.filter((name) => !Object.hasOwn(record, name)).map((name) => `${place}.${name} is missing`),
      ...Object.entries(record).flatMap(([name, each]) => {
        const known = properties?.[name] ?? additionalProperties;
        return known === undefined ? [`${place}.${name} is not named`] : look(known, each, `${place}.${name}`);
      }),
    ];
  };
  return look(schema, value, at);
}

it('every answer to a look has the shape of the document, of tasks in every state and with every end', async () => {
  const face = await startFace();
  await startClientOf(face, 3, { tags: { site: 'north' } });
  const module = new URL('./fixtures/values.mjs', import.meta.url).href;
  const { ids } = (
    await face.submit([
      'sleep 60',
      'true',
      'exit 3',
      'kill -9 $$',
      "printf '\\377'",
      { args: 'sleep 50', timeout: 0.3, tags: { a: null, b: 1, c: true } },
      { module, args: [1] },
      { module, name: 'fails' },
      { args: 'true', startAfter: '1h', cores: 1, memory: '1MB', priority: 3 },
      { args: 'never', nope: 1 },
    ])
  ).json<{ ids: string[] }>();
  await until(async () => (await face.get('/api/progress')).json().pending === 2);
  await until(async () => (await face.get('/api/throughput')).json<unknown[]>().length > 0);
  const document = (await face.get('/openapi.json')).json<Document>();
  const looked = new Set<string>();
  const look = async (path: string, target = path, status = 200): Promise<void> => {
    const told = await face.get(target);
    expect(told.status, target).toBe(status);
    const schema = document.paths[path]?.get?.responses[status]?.content['application/json']?.schema;
    expect(schema, `${path} ${status}`).toBeDefined();
    expect(faults(document, schema as Schema, told.json(), target)).toEqual([]);
    looked.add(path);
  };
  for (const id of ids) {
    await look('/api/tasks/{id}', `/api/tasks/${id}`);
    await look('/api/tasks/{id}/history', `/api/tasks/${id}/history`);
    await look('/api/tasks/{id}/explanation', `/api/tasks/${id}/explanation`);
  }
  const [running = '', done = ''] = ids;
  await look('/api/tasks/{id}/output', `/api/tasks/${running}/output`);
  expect(await face.get(`/api/tasks/${done}/output`)).toMatchObject({ status: 204, text: '' });
  expect(document.paths['/api/tasks/{id}/output']?.get?.responses[204]).toEqual({ description: expect.stringContaining('does not run') });
  await look('/api/tasks/{id}', `/api/tasks/${done.replace(/.$/, 'f').replace(/^./, 'f')}`, 404);
  await look('/api/tasks', '/api/tasks?output=true');
  await look('/api/sessions/{session}', '/api/sessions/7', 404);
  await look('/api/sessions/{session}/graph', '/api/sessions/7/graph', 404);
  await look('/api/names/lookup', '/api/names/lookup?name=none', 404);
  for (const path of ['progress', 'throughput', 'clients', 'count', 'sessions', 'names']) await look(`/api/${path}`);
  for (const path of ['/healthz', '/readyz', '/openapi.json']) await look(path);
  const lasting = ['/api/results', '/api/events', '/metrics'];
  expect(Object.keys(document.paths).filter((path) => document.paths[path]?.get && !looked.has(path) && !lasting.includes(path))).toEqual(
    [],
  );
});
