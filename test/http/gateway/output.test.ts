/** What running tasks have written so far, seen over HTTP while they run. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { expectNoLeaks } from '../../support/leaks.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';
import { type Face, startClientOf, startFace } from './rig.ts';

expectNoLeaks();

interface Output {
  stdout?: string;
  stderr?: string;
  stdoutBase64?: string;
  cut: string[];
}

async function submitOne(face: Face, task: unknown): Promise<string> {
  return (await face.submit([task])).json<{ ids: string[] }>().ids[0]!;
}

/** The output of a running task, as soon as it is as wanted. */
async function outputOf(face: Face, id: string, wanted: (output: Output) => boolean, query = ''): Promise<Output> {
  const found = await until(async () => {
    const { status, json } = await face.get(`/api/tasks/${id}/output${query}`);
    return status === 200 && wanted(json<Output & Record<string, unknown>>()) && json<Output & Record<string, unknown>>();
  });
  return found as Output;
}

it('shows both streams of a running command as they grow; at its end they stand in its record', async () => {
  const face = await startFace();
  await startClientOf(face);
  const go = join(temporaryFolder(), 'go');
  const id = await submitOne(
    face,
    `echo one; echo bad >&2; until test -e ${go}.2; do sleep 0.05; done; echo two; until test -e ${go}; do sleep 0.05; done`,
  );
  expect(await outputOf(face, id, ({ stdout, stderr }) => stdout !== '' && stderr !== '')).toEqual({
    stdout: 'one\n',
    stderr: 'bad\n',
    cut: [],
  });
  await submitOne(face, `touch ${go}.2`);
  expect(await outputOf(face, id, ({ stdout }) => stdout?.includes('two') === true)).toEqual({
    stdout: 'one\ntwo\n',
    stderr: 'bad\n',
    cut: [],
  });
  await submitOne(face, `touch ${go}`);
  await until(async () => (await face.get(`/api/tasks/${id}`)).json().state === 'done');
  expect((await face.get(`/api/tasks/${id}`)).json()).toMatchObject({ stdout: 'one\ntwo\n' });
  expect(await face.get(`/api/tasks/${id}/output`)).toMatchObject({ status: 204, text: '' });
});

it('of a long output it shows the end, cut between characters; bytes that are no text come as base64', async () => {
  const face = await startFace();
  await startClientOf(face);
  const long = await submitOne(face, `for i in 1 2 3 4 5 6 7 8 9 10; do printf 'äöü%s|' $i; done; sleep 600`);
  const whole = await outputOf(face, long, ({ stdout }) => stdout?.endsWith('10|') === true);
  // Each of the limits cuts a character of two bytes in front, or does not; what is left is text all the same.
  for (const limit of [9, 10, 11, 12]) {
    const { stdout, cut } = await outputOf(face, long, () => true, `?limit=${limit}`);
    expect(cut).toEqual(['stdout']);
    expect(whole.stdout!.endsWith(stdout!)).toBe(true);
    expect(Buffer.byteLength(stdout!)).toBeGreaterThanOrEqual(limit - 1);
  }
  const bytes = await submitOne(face, String.raw`printf '\377\000\376'; sleep 600`);
  expect(await outputOf(face, bytes, ({ stdoutBase64 }) => stdoutBase64 !== undefined)).toEqual({
    stdoutBase64: '/wD+',
    stderr: '',
    cut: [],
  });
  for (const query of ['?limit=0', '?limit=1048577', '?limit=x'])
    expect((await face.get(`/api/tasks/${long}/output${query}`)).status).toBe(400);
  await face.ask('POST', '/api/cancel', { headers: { 'content-type': 'application/json' }, body: '{}' });
});

it('a task that waits and one that is not there are told apart from a silent command', async () => {
  const face = await startFace();
  const id = await submitOne(face, 'sleep 600');
  expect(await face.get(`/api/tasks/${id}/output`)).toMatchObject({ status: 204, text: '' });
  expect((await face.get('/api/tasks/01a203e7-14ad-71e3-bc3e-f30000000001/output')).status).toBe(404);
  await startClientOf(face);
  expect(await outputOf(face, id, () => true)).toEqual({ stdout: '', stderr: '', cut: [] });
  await face.ask('POST', '/api/cancel', { headers: { 'content-type': 'application/json' }, body: '{}' });
});

it('a client that keeps no output says so', async () => {
  const face = await startFace();
  await startClientOf(face, 1, { capture: 'none' });
  const id = await submitOne(face, 'echo one; sleep 600');
  expect(await outputOf(face, id, () => true)).toEqual({ cut: [] });
  await face.ask('POST', `/api/tasks/${id}/cancel`);
});

it('a task that runs says where and for how long; one that waits for a slot says not for how long', async () => {
  const face = await startFace();
  await startClientOf(face, 1);
  const { ids } = (await face.submit(['sleep 600', 'sleep 601'])).json<{ ids: string[] }>();
  interface Told {
    readonly state: string;
    readonly runningMs?: number;
    readonly clientId?: string;
    readonly clientHost?: string;
  }
  const look = async (id: string) => (await face.get(`/api/tasks/${id}`)).json<Told>();
  await until(async () => (await look(ids[0]!)).state === 'running');
  const [client] = (await face.get('/api/clients')).json<{ clients: { id: string; host: string }[] }>().clients;
  const { tasks } = (await face.get('/api/tasks?state=running')).json<{ tasks: (Told & { id: string })[] }>();
  expect(tasks).toMatchObject([{ id: ids[0], clientId: client!.id, clientHost: client!.host, runningMs: expect.any(Number) }]);
  await until(async () => ((await look(ids[0]!)).runningMs ?? 0) > tasks[0]!.runningMs!);
  expect((await look(ids[1]!)).runningMs).toBeUndefined();
  await face.server.cancel({});
  expect((await look(ids[0]!)).runningMs).toBeUndefined();
});
