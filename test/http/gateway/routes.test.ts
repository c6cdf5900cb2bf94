import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ErrorBody } from '../../../src/http/index.ts';
import { expectNoLeaks } from '../../support/leaks.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { failureOf } from '../../system/rig.ts';
import { serve } from '../servers.ts';
import { startFace } from './rig.ts';

expectNoLeaks();

const routes = new URL('./fixtures/routes.mjs', import.meta.url);

it('what a handler returns is the JSON of the answer; it may set its status and fields', async () => {
  const face = await startFace({ routes });
  expect((await face.get('/captains/7?rank=first')).json()).toEqual({ id: '7', rank: 'first', login: null });
  const made = await face.ask('POST', '/ships', { headers: { 'content-type': 'application/json' }, body: '{"name":"Enterprise"}' });
  expect([made.status, made.headers['x-yard'], made.json()]).toEqual([201, 'utopia planitia', { got: { name: 'Enterprise' } }]);
  const nothing = await face.ask('PUT', '/nothing');
  expect([nothing.status, nothing.text]).toEqual([204, '']);
  expect((await face.ask('POST', '/ships', { headers: { 'content-type': 'application/json' }, body: '{' })).status).toBe(400);
  expect((await face.ask('DELETE', '/ships')).headers.allow).toBe('POST');
  expect((await face.get('/cycle')).status).toBe(500);
});

it('whoever asks for no page gets the list of routes at the root, a browser the page', async () => {
  const face = await startFace({ routes });
  expect((await face.get('/')).json<string[]>()).toEqual(expect.arrayContaining(['/captains/:id', '/ships']));
  const page = await face.get('/', { accept: 'text/html,*/*' });
  expect(page.headers['content-type']).toContain('text/html');
  expect(page.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
});

it('an error of a handler bubbles through three servers in a row, each with its call', async () => {
  const [front, middle, back] = [await startFace({ routes }), await startFace({ routes }), await startFace({ routes })];
  const query = new URLSearchParams([middle, back].map(({ port }) => ['through', `127.0.0.1:${port}`] as [string, string]));
  const told = await front.get(`/next?${query}`);
  expect(told.status).toBe(500);
  const error = told.json<ErrorBody>();
  expect(error).toMatchObject({
    error_class: 'HTTPError',
    remote_call: `GET 127.0.0.1:${middle.port}/next?through=127.0.0.1%3A${back.port}`,
  });
  expect(error.remote_error).toMatchObject({
    error_class: 'HTTPError',
    remote_call: `GET 127.0.0.1:${back.port}/next?`,
    remote_error: { error_class: 'TypeError', error_text: 'no captain', request: { method: 'GET' } },
  });
  expect(told.text).not.toMatch(/traceback|filename|routes\.mjs/);
  const open = await startFace({ routes, showStack: true });
  expect((await open.get('/next')).json<ErrorBody>().filename).toContain('routes.mjs');
});

it('a handler that hangs is answered for when its time is up', async () => {
  const face = await startFace({ routes, timeout: '100ms' });
  const told = await face.get('/hang');
  expect([told.status, told.json().error_text]).toEqual([504, expect.stringContaining('GET /hang')]);
});

it('handlers reach private addresses unless that is forbidden, and then by no other name either', async () => {
  const secret = await serve(() => 'secret');
  const port = new URL(secret.url).port;
  const open = await startFace({ routes });
  expect((await open.get(`/ask?url=${encodeURIComponent(secret.url)}`)).json()).toBe('secret');
  const closed = await startFace({ routes, privateAddresses: false });
  for (const host of [
    '127.0.0.1',
    'localhost',
    '[::1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
    '2130706433',
    '0x7f.1',
    '169.254.169.254',
    '10.0.0.1',
  ]) {
    const told = await closed.get(`/ask?url=${encodeURIComponent(`http://${host}:${port}`)}`);
    expect([told.status, told.json().error_code], host).toEqual([500, 'ERR_ADDRESS']);
  }
  expect(secret.heard).toHaveLength(1);
});

it('a module of routes that is none is refused at the start, with what to do', async () => {
  const folder = temporaryFolder();
  const start = async (text: string) => {
    const path = join(folder, `${text.length}.mjs`);
    writeFileSync(path, text);
    return (await failureOf(() => startFace({ routes: path }))).error;
  };
  expect(await start('export default 1;')).toMatchObject({ code: 'ERR_EXPORT_NOT_FOUND' });
  expect(await start('export default (')).toMatchObject({ code: 'ERR_MODULE_NOT_FOUND' });
  expect(await start("export default (router) => router.get('/api/x', () => 1);")).toMatchObject({
    code: 'ERR_OPTION',
    message: expect.stringContaining('own paths'),
  });
  expect(await start("export default (router) => router.get('x', () => 1);")).toMatchObject({ code: 'ERR_OPTION' });
  expect(await start("export default (router) => router.get('/x/*', () => 1);")).toMatchObject({ code: 'ERR_OPTION' });
});
