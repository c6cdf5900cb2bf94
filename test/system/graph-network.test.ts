/** Sessions over a network that is cut. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { blob, Client, tasks } from '../../dist/session/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { TcpProxy } from '../support/tcp-proxy.mjs';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, graphKey, startCluster } from './graph-rig.ts';
import { startServer } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

test('a client takes a host and a port, an address in each of its forms, and several', async () => {
  const { server, client } = await startCluster(0);
  const { host, port } = server.address as { host: string; port: number };
  const path = join(temporaryFolder(), 'graph.sock');
  const local = await startServer({ foreverMode: true, address: { path } });
  const auth = { auth: graphKey };
  for (const way of [
    client,
    new Client(host, port, auth),
    new Client(`${host}:${port}`, auth),
    new Client([host, port], auth),
    new Client([server.address, { host, port }], auth),
    new Client(local.address),
  ]) {
    onTestFinished(() => way.close());
    expect(await way.getServerInfo()).toEqual({ clients: [] });
  }
  for (const wrong of [[], ['localhost'], ['localhost', undefined, auth], ['localhost', '80'], [host, port, 5], [null], [[]]]) {
    const code = wrong.length === 3 && wrong[1] === port ? 'ERR_OPTION' : 'ERR_ADDRESS';
    expect(await failureOf(() => new Client(...(wrong as unknown as [string, number])))).toMatchObject({ code });
  }
});

test('a connection that is cut comes back: the session goes on, and so does what waited for it', async () => {
  const { server } = await startCluster();
  const proxy = await TcpProxy.open((server.address as { port: number }).port);
  onTestFinished(() => proxy.close());
  const client = new Client(proxy.address[0], proxy.address[1], { auth: graphKey });
  onTestFinished(() => client.close());
  const session = await client.newSession();
  const gate = join(temporaryFolder(), 'gate');
  const marker = `${gate}-runs`;
  await session.run(async () => {
    const script = `touch ${marker}; until [ -e ${gate} ]; do sleep 0.05; done; echo through`;
    const task = tasks.execute(script, { shell: true, stdout: true });
    task.output.keep();
    await session.submit();
    const waiting = session.waitAll();
    await until(() => existsSync(marker), 'the start of the task');
    proxy.cut();
    writeFileSync(gate, '');
    await waiting;
    expect(await (await task.output.fetch()).getStr()).toBe('through\n');
    proxy.cut();
    const more = tasks.concat([task, blob('again')]).output.keep();
    await until(async () => (await session.progress()).finished === 1, 'the connection to be back');
    await session.submit();
    expect(await (await more.fetch()).getStr()).toBe('through\nagain');
  });
});

test('a submission whose connection is cut under it is there once, whether or not the server had taken it', async () => {
  const { server } = await startCluster();
  const proxy = await TcpProxy.open((server.address as { port: number }).port);
  onTestFinished(() => proxy.close());
  const client = new Client(proxy.address[0], proxy.address[1], { auth: graphKey });
  onTestFinished(() => client.close());
  const session = await client.newSession();
  await session.run(async () => {
    for (let round = 0; round < 6; round++) {
      const joined = tasks.concat([blob(Buffer.alloc(3_000_000, 'x')), blob(String(round))]).output.keep();
      // What was sent arrives; in every second round its answer, or the rest of it, does not.
      if (round % 2 === 1) proxy.silence('down');
      const submitted = session.submit();
      for (let turn = 0; turn < round * 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      proxy.heal();
      proxy.cut();
      await submitted;
      expect((await (await joined.fetch()).getBytes()).length).toBe(3_000_001);
    }
    await session.waitAll();
    expect(await session.progress()).toMatchObject({ finished: 6, failed: 0 });
  });
});

test('a session whose server is gone is lost, and says so', async () => {
  const { server } = await startCluster(0);
  const { host, port } = server.address as { host: string; port: number };
  const client = new Client(host, port, { auth: graphKey, connectTimeout: '300ms' });
  onTestFinished(() => client.close());
  const session = await client.newSession();
  await server.stop();
  await until(async () => {
    const error: unknown = await session.progress({ timeout: '1s' }).catch((thrown: unknown) => thrown);
    return (error as { code?: string }).code === 'ERR_SESSION';
  }, 'the session to be lost');
  await expect(session.submit()).rejects.toMatchObject({ code: 'ERR_SESSION', message: expect.stringMatching(/was lost/) });
  await session.close();
});
