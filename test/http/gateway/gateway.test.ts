import { expect, it } from 'vitest';
import { openTasks } from '../../../dist/index.js';
import { deferred } from '../../../src/base/deferred.ts';
import { expectNoLeaks } from '../../support/leaks.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';
import { startClientOf, startFace } from './rig.ts';

expectNoLeaks();

interface Receipt {
  submitted: number;
  rejected: number;
  ids: string[];
}

it('takes tasks by lines of JSON, and tells what became of each', async () => {
  const face = await startFace();
  const receipt = await face.ask('POST', '/api/tasks?tag=site:north', {
    headers: { 'content-type': 'application/x-ndjson' },
    body: '"echo one"\n{"args":"exit 3","tags":{"part":7}}\nthis is no JSON\n',
  });
  expect(receipt.status).toBe(201);
  expect(receipt.json()).toMatchObject({ submitted: 3, rejected: 1, duplicates: 0 });
  const [one, three] = receipt.json<Receipt>().ids;
  await startClientOf(face);
  const done = await until(async () => {
    const task = (await face.get(`/api/tasks/${one}`)).json();
    return task.state === 'done' && task;
  });
  expect(done).toMatchObject({ id: one, args: 'echo one', outcome: 'succeeded', stdout: 'one\n', stderr: '', tags: { site: 'north' } });
  await until(async () => (await face.get(`/api/tasks/${three}`)).json().outcome === 'failed');
  expect((await face.get(`/api/tasks/${three}/history`)).json<unknown[]>()).toMatchObject([{ attempt: 1, exitStatus: 3 }]);
  expect((await face.get(`/api/tasks/${one}/explanation`)).json()).toMatchObject({ id: one, state: 'done' });
  expect((await face.get('/api/tasks/01a203e7-14ad-71e3-bc3e-f30000000001')).status).toBe(404);
  expect((await face.get('/api/progress')).json()).toMatchObject({ submitted: 3, succeeded: 1, failed: 1, rejected: 1, clients: 1 });
});

it('a task that comes with the context of a trace hands it on to its command, as it was sent', async () => {
  const face = await startFace();
  await startClientOf(face);
  const said = async (headers: Readonly<Record<string, string>>): Promise<unknown> => {
    const body = '"echo $TRACEPARENT/$TRACESTATE"\n';
    const receipt = await face.ask('POST', '/api/tasks', { headers: { 'content-type': 'application/x-ndjson', ...headers }, body });
    const [id] = receipt.json<Receipt>().ids;
    return until(async () => (await face.get(`/api/tasks/${id}`)).json().stdout);
  };
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  expect(await said({ traceparent, tracestate: 'vendor=x' })).toBe(`${traceparent}/vendor=x\n`);
  expect(await said({ traceparent })).toBe(`${traceparent}/\n`);
  for (const none of ['x', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, `${traceparent}; rm`])
    expect(await said({ traceparent: none })).toBe('/\n');
});

it('takes one task or a list as JSON, with the options of the submission', async () => {
  const face = await startFace();
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  const once = await face.ask('POST', '/api/tasks?key=content', { headers, body: '["true", {"args":"false","priority":2}]' });
  expect(once.json()).toMatchObject({ submitted: 2 });
  const again = await face.ask('POST', '/api/tasks?key=content&template=echo%20{}', { headers, body: '"x y"' });
  const [id] = again.json<Receipt>().ids;
  expect((await face.get(`/api/tasks/${id}`)).json()).toMatchObject({ args: 'echo x y', state: 'ready' });
  expect(
    (await face.ask('POST', '/api/tasks?key=content', { headers, body: '["true", {"args":"false","priority":2}]' })).json(),
  ).toMatchObject({
    submitted: 0,
    duplicates: 2,
  });
  const strict = await face.ask('POST', '/api/tasks?strict=true', { headers, body: '[{"args":"true","timeOut":1}]' });
  expect([strict.status, strict.json().error_code]).toEqual([400, 'ERR_JSON']);
  expect(strict.json().error_text).toContain("Did you mean 'timeout'?");
});

it('gives tasks in pages, in either order, by what they are', async () => {
  const face = await startFace();
  await face.submit(Array.from({ length: 25 }, (_, i) => ({ args: `task ${i}`, tags: { even: i % 2 === 0 }, group: i < 20 ? 0 : 1 })));
  const walk = async (query: string): Promise<string[]> => {
    const args: string[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const page = await face.get(`/api/tasks?limit=10${query}${next === '' ? '' : `&after=${next}`}`);
      const { tasks, next: further } = page.json<{ tasks: { args: string }[]; next: string | null }>();
      expect(tasks.length).toBeLessThanOrEqual(10);
      args.push(...tasks.map((task) => task.args));
      next = further;
    }
    return args;
  };
  const all = Array.from({ length: 25 }, (_, i) => `task ${i}`);
  expect(await walk('')).toEqual(all);
  expect(await walk('&desc=true')).toEqual(all.toReversed());
  expect(await walk('&group=1')).toEqual(all.slice(20));
  expect(await walk('&where=tag.even%20%3D%3D%20true&state=ready')).toEqual(all.filter((_, i) => i % 2 === 0));
  expect(await walk('&tag=even&where=args%20~%20^task%2024$')).toEqual(['task 24']);
  expect((await face.get('/api/count?group=1')).json()).toEqual({ count: 5 });
  const sorted = await face.get('/api/tasks?orderBy=submittedAt&desc=true&limit=1');
  expect(sorted.json()).toMatchObject({ tasks: [{ args: 'task 24' }], next: null });
});

it('cancels what runs, one by its id and many by a query, and queues again what was cancelled', async () => {
  const face = await startFace();
  await startClientOf(face);
  const { ids } = (await face.submit(['sleep 60', 'sleep 61', 'sleep 62', 'sleep 63'])).json<Receipt>();
  const running = async (): Promise<unknown> => (await face.get('/api/progress')).json().running;
  await until(async () => (await running()) === 2);
  expect((await face.ask('POST', `/api/tasks/${ids[0]}/cancel`)).json()).toEqual({ count: 1 });
  expect((await face.get(`/api/tasks/${ids[0]}`)).json()).toMatchObject({ state: 'done', outcome: 'cancelled' });
  const cancelled = await face.ask('POST', '/api/cancel', { body: '{"where":["args ~ ^sleep"]}' });
  expect(cancelled.json()).toEqual({ count: 3 });
  expect((await face.ask('POST', `/api/tasks/${ids[0]}/cancel`)).json()).toEqual({ count: 0 });
  expect((await face.ask('POST', `/api/tasks/${ids[1]}/retry`)).json()).toEqual({ count: 1 });
  expect((await face.get(`/api/tasks/${ids[1]}`)).json().state).not.toBe('done');
  expect((await face.ask('POST', '/api/retry', { body: '{"outcome":"cancelled"}' })).json()).toEqual({ count: 3 });
  expect((await face.ask('POST', '/api/tasks/01a203e7-14ad-71e3-bc3e-f30000000001/cancel')).status).toBe(404);
});

it('streams results as they are recorded, and ends with the run', async () => {
  const face = await startFace({}, { foreverMode: false });
  const stream = await face.open('/api/results');
  const input = await face.open('/api/results?order=input&output=false');
  expect(stream.headers['content-type']).toBe('application/x-ndjson');
  const receipt = face.submit(Array.from({ length: 2_000 }, (_, i) => `echo ${i}`));
  await startClientOf(face);
  expect((await receipt).json()).toMatchObject({ submitted: 2_000 });
  const read = async (from: AsyncIterable<unknown>): Promise<Record<string, unknown>[]> => {
    let text = '';
    for await (const chunk of from) text += String(chunk);
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  };
  const [results, ordered] = await Promise.all([read(stream), read(input)]);
  expect(results.map(({ stdout }) => Number(stdout)).sort((a, b) => a - b)).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
  expect(ordered.map(({ args }) => args)).toEqual(Array.from({ length: 2_000 }, (_, i) => `echo ${i}`));
  expect(ordered.some((result) => 'stdout' in result)).toBe(false);
  expect((await face.server.join()).succeeded).toBe(2_000);
});

it('a reader of results that leaves does not keep an ended server', async () => {
  const face = await startFace({}, { foreverMode: false });
  const stream = await face.open('/api/results');
  await face.submit(['true']);
  stream.destroy();
  await startClientOf(face);
  expect((await face.server.join()).succeeded).toBe(1);
});

it('tells events as they happen to those who asked for them', async () => {
  const face = await startFace();
  const stream = await face.open('/api/events?name=completed&name=clientJoined&name=throughput');
  expect(stream.headers['content-type']).toBe('text/event-stream');
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  await startClientOf(face);
  await face.submit(['echo hello']);
  const data = (name: string): unknown => {
    const found = new RegExp(`^event: ${name}\\ndata: (.*)$`, 'm').exec(text)?.[1];
    return found === undefined ? undefined : JSON.parse(found);
  };
  await until(() => data('completed') && data('clientJoined') && data('throughput'), 'three events');
  expect(data('completed')).toMatchObject([{ args: 'echo hello', outcome: 'succeeded' }]);
  expect(data('clientJoined')).toMatchObject({ slots: 2, connected: true });
  expect(text).not.toContain('event: progress');
  expect((await face.get('/api/throughput')).json<unknown[]>()[0]).toMatchObject({ at: expect.any(Number), perSecond: expect.any(Number) });
});

it('shows clients in pages, in the order that was asked for', async () => {
  const face = await startFace();
  await startClientOf(face, 3);
  await startClientOf(face, 5);
  const slots = async (query: string): Promise<number[]> =>
    (await face.get(`/api/clients?${query}`)).json<{ clients: { slots: number }[] }>().clients.map((client) => client.slots);
  expect(await slots('orderBy=slots&desc=true')).toEqual([5, 3]);
  expect(await slots('orderBy=slots&limit=1&offset=1')).toEqual([5]);
  expect((await face.get('/api/clients?connected=false')).json()).toEqual({ clients: [], total: 0 });
  expect((await face.get('/api/clients?search=no-such-host')).json()).toEqual({ clients: [], total: 0 });
});

it('is alive and ready, and says so to everybody; nothing of it is loaded when it was not asked for', async () => {
  const face = await startFace();
  expect((await face.get('/healthz')).json()).toEqual({ alive: true });
  expect((await face.get('/readyz')).json()).toEqual({ ready: true });
  const document = (await face.get('/openapi.json')).json<{ openapi: string; paths: Record<string, unknown> }>();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths)).toContain('/api/tasks/{id}/cancel');
});

it('values and output that JSON has no word for come through as what they can be', async () => {
  const face = await startFace();
  await startClientOf(face);
  const { ids } = (await face.submit(["printf '\\377\\376'"])).json<Receipt>();
  const task = await until(async () => {
    const found = (await face.get(`/api/tasks/${ids[0]}`)).json();
    return found.state === 'done' && found;
  });
  expect(task).toMatchObject({ stdoutBase64: '//4=', stderr: '' });
  expect(task).not.toHaveProperty('stdout');
});

it('a submission that is under way when the server ends is told so, and what came before stays', async () => {
  const folder = temporaryFolder();
  const face = await startFace({}, { database: `${folder}/tasks.db` });
  const stopped = deferred<void>();
  const lines = async function* (): AsyncGenerator<string> {
    yield '"true"\n';
    await stopped.promise;
  };
  const answer = face.ask('POST', '/api/tasks', { headers: { 'content-type': 'application/x-ndjson' }, body: lines() });
  await until(async () => (await face.server.progress()).submitted === 1);
  const ended = face.server.stop();
  const told = await answer;
  stopped.resolve();
  await ended;
  expect([told.status, told.json().error_code]).toEqual([503, 'ERR_ENDED']);
  const tasks = await openTasks(`${folder}/tasks.db`);
  expect(await tasks.count()).toBe(1);
  await tasks.close();
});
