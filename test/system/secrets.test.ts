/** Keys stay where they were given: nothing that people look at, send on or keep shows one. */
import { readdirSync, readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { ClientThread, connect, type Logger, ServerThread } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { failureOf, startClient, startServer } from './rig.ts';

expectNoLeaks();

const secret = 'correct-horse-9d41c7e0';
const other = 'another-key-5b02aa31';

/** Everything of a value that anybody can get to see, hidden members and causes included. */
const shown = (value: unknown): string =>
  inspect(value, { depth: 20, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null });

function listening(): { logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const log = (...parts: readonly unknown[]): void => void lines.push(shown(parts));
  return { logger: { debug: log, info: log, warn: log, error: log }, lines };
}

it.each([false, true])('a key is in no handle, log, event, answer, error, argument or report (TLS: %s)', async (tls) => {
  const { logger, lines } = listening();
  const server = await startServer({ auth: secret, tls, foreverMode: true, logger });
  const told: string[] = [];
  for (const name of ['clientJoined', 'clientLeft', 'submitted', 'scheduled', 'started', 'completed', 'progress'] as const)
    server.on(name, (value: unknown) => void told.push(shown(value)));
  const client = await startClient(server, { auth: secret, tls, logger });
  const connection = await connect(server.address, { auth: secret, tls, logger });
  const results = [await server.run("env; tr '\\0' '\\n' < /proc/$PPID/cmdline"), await connection.run('true')];
  const { error } = await failureOf(() => ClientThread.new({ address: server.address, auth: other, tls, logger, connectTimeout: 5 }));
  expect(error).toMatchObject({ code: 'ERR_AUTH' });
  const { error: weak } = await failureOf(() => ServerThread.new({ auth: other.slice(0, 11) }));
  const argv = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
  const seen = {
    handles: shown([server, client, connection]),
    logs: lines.join('\n'),
    events: told.join('\n'),
    answers: shown([results, await server.progress(), await server.clients(), server.address]),
    errors: shown([error, weak]) + JSON.stringify([error, weak]),
    arguments: argv.join('\n'),
    report: JSON.stringify(process.report.getReport()),
  };
  await connection.close();
  expect(lines.length).toBeGreaterThan(0);
  expect(told.length).toBeGreaterThan(0);
  for (const [place, text] of Object.entries(seen))
    for (const key of [secret, other, other.slice(0, 11)]) expect(text.includes(key), `${place} hold the key`).toBe(false);
});

it('a client with a certificate is known by it, and without one gets no work, whatever its key', async () => {
  const { newAuthority } = await import('../transport/authority.ts');
  const authority = await newAuthority('ours');
  const ca = authority.ca;
  const server = await startServer({
    auth: secret,
    foreverMode: true,
    tls: { ...(await authority.sign('server', { use: 'server' })), ca },
  });
  const joined: (string | undefined)[] = [];
  server.on('clientJoined', ({ certificate }) => void joined.push(certificate?.name));
  const { error } = await failureOf(() => ClientThread.new({ address: server.address, auth: secret, tls: { ca }, connectTimeout: 5 }));
  expect(error).toMatchObject({ code: 'ERR_TLS' });
  await startClient(server, { auth: secret, tls: { ...(await authority.sign('worker 7', { use: 'client' })), ca } });
  expect((await server.run('echo fine')).stdout.toString()).toBe('fine\n');
  expect(joined).toEqual(['worker 7']);
  expect((await server.clients()).map(({ certificate }) => certificate)).toEqual([
    { name: 'worker 7', fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ]);
});

it('a server that was given no more connections than these keeps them, and tells why another is refused', async () => {
  const { logger, lines } = listening();
  const server = await startServer({ auth: secret, foreverMode: true, connectionLimits: { perAddress: 1 }, logger });
  const first = await connect(server.address, { auth: secret });
  const { error } = await failureOf(() => connect(server.address, { auth: secret, connectTimeout: 0.5 }));
  expect(error).toMatchObject({ code: 'ERR_CONNECT_TIMEOUT' });
  // What a thread logs comes after the turn that it tells of.
  await until(() => lines.join('\n').includes('connectionLimits.perAddress'), 'the reason');
  await first.close();
  const next = await connect(server.address, { auth: secret, connectTimeout: 10 });
  await next.close();
});
