/** Sessions of task graphs and names of remote objects as the HTTP face shows them, beside the programs that have them. */
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { locateNS } from '../../../dist/remote/index.js';
import { blob, Client, tasks } from '../../../dist/session/index.js';
import { expectNoLeaks } from '../../support/leaks.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { type Face, startClientOf, startFace } from './rig.ts';

expectNoLeaks();

interface View {
  session: number;
  name: string;
}
interface Graph {
  nodes: { id: number; kind: string; name: string | null; type: string | null; state: string; inputs: number; failure: string | null }[];
  edges: [number, number][];
  next: number | null;
}
interface Page {
  names: { name: string }[];
  next: string | null;
}

function addressOf({ server }: Face): { host: string; port: number } {
  return server.address as { host: string; port: number };
}

function userOf(face: Face): Client {
  const { host, port } = addressOf(face);
  const user = new Client(host, port);
  onTestFinished(() => user.close());
  return user;
}

it('lists sessions in pages, tells one with its counts and its graph, and closes it for the program that has it', async () => {
  const face = await startFace();
  const user = userOf(face);
  const [first, second] = [await user.newSession('first'), await user.newSession('second')];
  await first.run(async () => {
    const loud = tasks.execute('tr a-z A-Z', { stdin: tasks.concat([blob('Hello '), blob('world')], { name: 'both' }), stdout: true });
    loud.output.keep();
    await first.submit();
    const { sessions, next } = (await face.get('/api/sessions?limit=1')).json<{ sessions: View[]; next: number }>();
    expect(sessions).toMatchObject([{ name: 'first', state: 'open', attached: true, persistent: false, failure: null }]);
    expect((await face.get(`/api/sessions?limit=1&from=${next}`)).json()).toMatchObject({ sessions: [{ name: 'second' }], next: null });
    const path = `/api/sessions/${sessions[0]!.session}`;
    // No client is there: one task waits for the other.
    expect((await face.get(path)).json()).toMatchObject({
      session: sessions[0]!.session,
      nodes: 6,
      progress: { waiting: 1, ready: 1, running: 0, finished: 0, failed: 0, objects: 2, bytes: 11 },
    });
    const { nodes, edges, next: rest } = (await face.get(`${path}/graph`)).json<Graph>();
    expect(rest).toBeNull();
    const both = nodes.find(({ name }) => name === 'both');
    expect(both).toMatchObject({ kind: 'task', state: 'ready', inputs: 2, failure: null });
    const kinds = new Map(nodes.map(({ id, kind }) => [id, kind]));
    expect(edges).toHaveLength(5);
    for (const [from, to] of edges) expect([kinds.get(from), kinds.get(to)].sort()).toEqual(['object', 'task']);
    expect(edges.filter(([, to]) => to === both?.id)).toHaveLength(2);
    const [, made] = edges.find(([from]) => from === both?.id)!;
    expect(edges.some(([from, to]) => from === made && kinds.get(to) === 'task')).toBe(true);
    // In parts it is the same.
    const parts: Graph = { nodes: [], edges: [], next: 0 };
    while (parts.next !== null) {
      const part: Graph = (await face.get(`${path}/graph?limit=2&from=${parts.next}`)).json();
      expect(part.nodes.length).toBeLessThanOrEqual(2);
      Object.assign(parts, { nodes: [...parts.nodes, ...part.nodes], edges: [...parts.edges, ...part.edges], next: part.next });
    }
    expect(parts).toEqual({ nodes, edges, next: null });

    expect((await face.ask('POST', `${path}/close`)).json()).toEqual({ closed: true });
    expect([(await face.get(path)).status, (await face.get(`${path}/graph`)).status]).toEqual([404, 404]);
    expect((await face.ask('POST', `${path}/close`)).status).toBe(404);
    await expect(loud.output.fetch()).rejects.toThrow(/closed/);
  });
  expect((await face.get('/api/sessions')).json()).toMatchObject({ sessions: [{ name: 'second' }], next: null });
  await second.close();
  expect((await face.get('/api/sessions')).json()).toEqual({ sessions: [], next: null });
});

it('tells which task a session failed for', async () => {
  const face = await startFace();
  await startClientOf(face);
  const session = await userOf(face).newSession('bad');
  onTestFinished(() => session.close());
  await session.run(async () => {
    tasks.execute('exit 3', { shell: true, name: 'broken' });
    await session.submit();
    await expect(session.waitAll()).rejects.toMatchObject({ code: 'ERR_TASK_FAILED' });
    const [view] = (await face.get('/api/sessions')).json<{ sessions: View[] }>().sessions;
    expect(view).toMatchObject({ state: 'failed', failure: { name: 'broken' }, progress: { failed: 1 } });
    const { nodes } = (await face.get(`/api/sessions/${view!.session}/graph`)).json<Graph>();
    expect(nodes.find(({ name }) => name === 'broken')).toMatchObject({ state: 'failed', failure: expect.stringContaining('3') });
  });
});

it('a persistent session that was closed is closed after a restart too, and one that was not goes on', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const face = await startFace({}, { database });
  const user = userOf(face);
  for (const name of ['gone', 'stays']) await (await user.newSession(name, { persistent: true })).detach();
  const list = async (of: Face): Promise<View[]> => (await of.get('/api/sessions')).json<{ sessions: View[] }>().sessions;
  const [gone, stays] = await list(face);
  expect([gone, stays]).toMatchObject([
    { name: 'gone', attached: false, persistent: true },
    { name: 'stays', attached: false, persistent: true },
  ]);
  expect((await face.ask('POST', `/api/sessions/${gone!.session}/close`)).status).toBe(200);
  await user.close();
  await face.server.stop({ timeout: 5 });
  expect(await list(await startFace({}, { database }))).toMatchObject([{ session: stays!.session, name: 'stays' }]);
});

it('without sessions and names there are none of them, and what asks for one is told so', async () => {
  const face = await startFace();
  expect((await face.get('/api/sessions')).json()).toEqual({ sessions: [], next: null });
  expect((await face.get('/api/names')).json()).toEqual({ names: [], next: null });
  for (const path of ['/api/sessions/1', '/api/sessions/1/graph', '/api/names/lookup?name=none'])
    expect([path, (await face.get(path)).status]).toEqual([path, 404]);
  for (const path of ['/api/sessions/1/close', '/api/names/remove?name=none'])
    expect([path, (await face.ask('POST', path)).status]).toEqual([path, 404]);
  for (const path of ['/api/sessions/x', '/api/sessions/1/graph?limit=1001', '/api/names/lookup', '/api/names?limit=0'])
    expect([path, (await face.get(path)).status]).toEqual([path, 400]);
});

it.each(['in memory', 'in SQLite'])('lists, looks up and removes names of remote objects that are kept %s', async (where) => {
  const face = await startFace({}, where === 'in memory' ? {} : { database: join(temporaryFolder(), 'tasks.db') });
  const names = await locateNS(addressOf(face));
  onTestFinished(() => names.release());
  for (const name of ['fleet/one', 'fleet/..', 'other', 'fleet/two'])
    await names.register(name, `mill:${name}@host:1`, { metadata: ['t'] });
  const list = async (query: string): Promise<Page> => (await face.get(`/api/names${query}`)).json();
  expect((await list('?prefix=fleet/')).names.map(({ name }) => name)).toEqual(['fleet/..', 'fleet/one', 'fleet/two']);
  const { next } = await list('?limit=2');
  expect((await list(`?limit=2&after=${encodeURIComponent(next!)}`)).names.map(({ name }) => name)).toEqual(['fleet/two', 'other']);
  expect((await face.get('/api/names/lookup?name=fleet%2Fone')).json()).toMatchObject({
    name: 'fleet/one',
    uri: 'mill:fleet/one@host:1',
    metadata: ['t'],
    lease: null,
  });
  expect((await face.get('/api/names/lookup?name=a%20b')).json()).toMatchObject({ error_code: 'ERR_NAME' });
  expect((await face.ask('POST', '/api/names/remove?name=fleet%2F..')).json()).toEqual({ removed: true });
  expect((await face.ask('POST', '/api/names/remove?name=fleet%2F..')).status).toBe(404);
  await expect(names.lookup('fleet/..')).rejects.toMatchObject({ code: 'ERR_NAME' });
  expect([...(await names.list()).keys()]).toEqual(['fleet/one', 'fleet/two', 'other']);
});

it('names of a database are shown before anybody has called the server', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  const first = await startFace({}, { database });
  const names = await locateNS(addressOf(first));
  await names.register('kept', 'mill:x@host:1');
  names.release();
  await first.server.stop({ timeout: 5 });
  const second = await startFace({}, { database });
  expect((await second.get('/api/names')).json<Page>().names).toMatchObject([{ name: 'kept' }]);
  expect((await second.ask('POST', '/api/names/remove?name=kept')).json()).toEqual({ removed: true });
  expect((await second.get('/api/names')).json()).toEqual({ names: [], next: null });
});
