import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listen } from '../../src/transport/listen.ts';
import { Listening } from '../contract/connection-fixture.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { auth, openConnection, openListener } from './endpoints.ts';
import { serverInfo } from './peers.ts';

expectNoLeaks();

const code = (name: string) => expect.objectContaining({ code: name });
const port = (address: object): number => ('port' in address ? (address.port as number) : 0);

describe('addresses', () => {
  test('port 0 becomes a real one, which the listener tells', async () => {
    const listener = await openListener();
    expect(port(listener.address)).toBeGreaterThan(0);
    await openConnection(listener.address);
    expect(listener.accepted).toHaveLength(1);
  });

  test.each(['localhost', '127.0.0.1', '::1'])('a listener on localhost is found by who dials %s', async (host) => {
    const listener = await openListener({ address: 'localhost:0' });
    expect(listener.address).toMatchObject({ host: 'localhost' });
    await openConnection({ host, port: port(listener.address) });
  });

  test.each(['127.0.0.1', '::1'])('who dials localhost finds a listener on %s alone', async (host) => {
    const listener = await openListener({ address: [host, 0] });
    await openConnection({ host: 'localhost', port: port(listener.address) });
  });

  test('a port in use is ERR_ADDRESS_IN_USE, on localhost also when only one of its two addresses is taken', async () => {
    const listener = await openListener({ address: ['::1', 0] });
    const taken = port(listener.address);
    for (const host of ['::1', 'localhost'])
      await expect(openListener({ address: [host, taken] })).rejects.toEqual(code('ERR_ADDRESS_IN_USE'));
    const free = await openListener({ address: ['127.0.0.1', taken] });
    expect(port(free.address)).toBe(taken);
  });

  test('a closed listener gives its address back at once, and open connections live on', async () => {
    const listener = await openListener();
    const left = await openConnection(listener.address);
    const heard = new Listening(listener.accepted[0]!);
    await listener.close();
    await openListener({ address: listener.address });
    left.send(['heartbeat']);
    await until(() => heard.messages.length === 1);
  });

  test('a host that does not resolve, or is not of this machine, is ERR_ADDRESS', async () => {
    await expect(openListener({ address: 'no-such-host.invalid:0' })).rejects.toEqual(code('ERR_ADDRESS'));
    await expect(openListener({ address: '192.0.2.1:0' })).rejects.toEqual(code('ERR_ADDRESS'));
    await expect(openConnection({ host: 'no-such-host.invalid', port: 9 })).rejects.toEqual(code('ERR_ADDRESS'));
  });

  test('dialling where nobody listens is ERR_CONNECTION_CLOSED, and says so', async () => {
    const listener = await openListener();
    await listener.close();
    await expect(openConnection(listener.address)).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED', message: /nobody listens/ });
    await expect(openConnection({ path: join(temporaryFolder(), 'none') })).rejects.toEqual(code('ERR_CONNECTION_CLOSED'));
    await expect(openConnection({ host: '127.0.0.1', port: 0 })).rejects.toEqual(code('ERR_ADDRESS'));
  });
});

describe('keys', () => {
  test('beyond loopback a key is required before anything is bound, and a short one is refused anywhere', async () => {
    for (const address of ['0.0.0.0:0', '[::]:0', 'example.com:0'] as const)
      await expect(openListener({ address, auth: null })).rejects.toEqual(code('ERR_AUTH_REQUIRED'));
    await expect(openListener({ auth: 'eleven-char' })).rejects.toEqual(code('ERR_AUTH_WEAK'));
    await expect(openConnection({ host: '127.0.0.1', port: 1 }, { auth: 'short' })).rejects.toEqual(code('ERR_AUTH_WEAK'));
    const open = await openListener({ address: '0.0.0.0:0' });
    await openConnection({ host: '127.0.0.1', port: port(open.address) });
  });

  test('a wrong key is ERR_AUTH on both sides', async () => {
    const listener = await openListener();
    await expect(openConnection(listener.address, { auth: 'another key entirely' })).rejects.toEqual(code('ERR_AUTH'));
    await until(() => listener.refused.length === 1);
    expect(listener.refused[0]).toEqual(code('ERR_AUTH'));
    expect(listener.accepted).toEqual([]);
  });

  test.each([
    ['TCP', 'localhost:0', 'localhost'],
    ['TCP, dialled by address', 'localhost:0', '::1'],
    ['TCP over IPv4', '127.0.0.1:0', '127.0.0.1'],
  ] as const)('without a key one is made and found by processes of the same user: %s', async (_, address, dialled) => {
    const keyFolder = join(temporaryFolder(), 'keys');
    const listener = await openListener({ address, auth: null, keyFolder });
    expect(listener.key.length).toBeGreaterThan(40);
    expect(statSync(keyFolder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(keyFolder)) expect(statSync(join(keyFolder, name)).mode & 0o777).toBe(0o600);
    await openConnection({ host: dialled, port: port(listener.address) }, { auth: null, keyFolder });
    await openConnection(listener.address, { auth: listener.key });
    await listener.close();
    expect(readdirSync(keyFolder)).toEqual([]);
  });

  test('the same for a unix socket', async () => {
    const keyFolder = join(temporaryFolder(), 'keys');
    const path = join(temporaryFolder(), 's');
    const listener = await openListener({ address: { path }, auth: null, keyFolder });
    await openConnection({ path }, { auth: null, keyFolder });
    await listener.close();
    expect(readdirSync(keyFolder)).toEqual([]);
  });

  test('who finds no key is told to give one', async () => {
    const listener = await openListener();
    await expect(openConnection(listener.address, { auth: null })).rejects.toMatchObject({ code: 'ERR_AUTH', message: /auth/ });
  });

  test('a key of a server that was killed is replaced by its successor, and not removed by a late farewell', async () => {
    const keyFolder = join(temporaryFolder(), 'keys');
    const first = await openListener({ auth: null, keyFolder });
    const name = readdirSync(keyFolder)[0]!;
    writeFileSync(join(keyFolder, name), 'the key of a successor');
    await first.close();
    expect(readdirSync(keyFolder)).toEqual([name]);
    const second = await openListener({ address: first.address, auth: null, keyFolder });
    await openConnection(second.address, { auth: null, keyFolder });
  });

  test('a key that others could have written is not used', async () => {
    const keyFolder = join(temporaryFolder(), 'keys');
    const listener = await openListener({ auth: null, keyFolder });
    const file = join(keyFolder, readdirSync(keyFolder)[0]!);
    chmodSync(file, 0o666);
    await expect(openConnection(listener.address, { auth: null, keyFolder })).rejects.toEqual(code('ERR_AUTH_REQUIRED'));
    chmodSync(file, 0o600);
    await openConnection(listener.address, { auth: null, keyFolder });
  });

  test('a key folder that is a link or a file is not used, and a readable one is closed first', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'elsewhere'));
    symlinkSync(join(folder, 'elsewhere'), join(folder, 'link'));
    writeFileSync(join(folder, 'file'), '');
    for (const name of ['link', 'file'])
      await expect(openListener({ auth: null, keyFolder: join(folder, name) })).rejects.toEqual(code('ERR_AUTH_REQUIRED'));
    mkdirSync(join(folder, 'open'), { mode: 0o755 });
    await openListener({ auth: null, keyFolder: join(folder, 'open') });
    expect(statSync(join(folder, 'open')).mode & 0o777).toBe(0o700);
  });
});

describe('unix sockets', () => {
  test('the file is for its user only and is gone when the listener is closed', async () => {
    const path = join(temporaryFolder(), 's');
    const listener = await openListener({ address: { path } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(listener.address).toEqual({ path });
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  test('a socket on which someone listens is in use and stays as it is', async () => {
    const path = join(temporaryFolder(), 's');
    const first = await openListener({ address: { path } });
    await expect(openListener({ address: { path } })).rejects.toEqual(code('ERR_ADDRESS_IN_USE'));
    await openConnection(first.address);
  });

  test('a socket that a dead process left behind is replaced', async () => {
    const path = join(temporaryFolder(), 's');
    // A listener whose file has another name when it closes leaves a socket without a listener.
    const dead = createServer().listen({ path: `${path}.x` });
    await until(() => existsSync(`${path}.x`));
    linkSync(`${path}.x`, path);
    await new Promise((resolve) => dead.close(resolve));
    expect(statSync(path).isSocket()).toBe(true);
    const listener = await openListener({ address: { path } });
    await openConnection(listener.address);
  });

  test('of several servers that find a dead socket at the same time exactly one gets it', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 's');
    const dead = createServer().listen({ path: `${path}.x` });
    await until(() => existsSync(`${path}.x`));
    linkSync(`${path}.x`, path);
    await new Promise((resolve) => dead.close(resolve));
    const starts = await Promise.allSettled(Array.from({ length: 6 }, () => openListener({ address: { path } })));
    expect(starts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const start of starts) if (start.status === 'rejected') expect(start.reason).toEqual(code('ERR_ADDRESS_IN_USE'));
    await openConnection({ path });
    expect(readdirSync(folder)).toEqual(['s']);
  });

  test('a takeover that died halfway does not block the next one', async () => {
    const path = join(temporaryFolder(), 's');
    const dead = createServer().listen({ path: `${path}.x` });
    await until(() => existsSync(`${path}.x`));
    linkSync(`${path}.x`, path);
    await new Promise((resolve) => dead.close(resolve));
    mkdirSync(`${path}.lock`);
    utimesSync(`${path}.lock`, 1, 1);
    await openListener({ address: { path } });
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  test('a file that is no socket is never removed', async () => {
    const path = join(temporaryFolder(), 'precious');
    writeFileSync(path, 'data');
    await expect(openListener({ address: { path } })).rejects.toEqual(code('ERR_ADDRESS_IN_USE'));
    expect(statSync(path).size).toBe(4);
  });

  test('a folder that is not there is ERR_ADDRESS', async () => {
    const path = join(temporaryFolder(), 'none', 's');
    await expect(openListener({ address: { path } })).rejects.toMatchObject({ code: /^ERR_ADDRESS/ });
  });
});

describe('connections that come and go', () => {
  test('a dial is given up after its time-out, and when its signal is aborted', async () => {
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await until(() => silent.listening);
    onTestFinished(() => void silent.close());
    const to = { host: '127.0.0.1', port: (silent.address() as { port: number }).port };
    await expect(openConnection(to, { timeout: 30 })).rejects.toEqual(code('ERR_CONNECT_TIMEOUT'));
    const abort = new AbortController();
    const dialled = openConnection(to, { signal: abort.signal });
    abort.abort();
    await expect(dialled).rejects.toEqual(code('ERR_ABORTED'));
    await expect(openConnection(to, { signal: abort.signal })).rejects.toEqual(code('ERR_ABORTED'));
  });

  test('something else that listens there is ERR_PROTOCOL', async () => {
    const other = createServer((socket) => {
      socket.on('error', () => {}).resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    }).listen(0, '127.0.0.1');
    await until(() => other.listening);
    onTestFinished(() => void other.close());
    const to = { host: '127.0.0.1', port: (other.address() as { port: number }).port };
    await expect(openConnection(to)).rejects.toMatchObject({ code: /^ERR_(PROTOCOL|FRAME_TOO_LARGE)$/ });
  });

  test('the oldest connection without a handshake makes room for the newest', async () => {
    const listener = await openListener({ limits: { unauthenticated: 3 } });
    const { host, port: at } = listener.address as { host: string; port: number };
    const closed: number[] = [];
    for (let i = 0; i < 5; i++) {
      const socket = connect({ host, port: at });
      socket.on('error', () => {}).on('close', () => closed.push(i));
      onTestFinished(() => void socket.destroy());
      await new Promise((resolve) => socket.once('connect', resolve));
    }
    await until(() => closed.length === 2);
    expect(closed).toEqual([0, 1]);
    await openConnection(listener.address);
  });

  test('an idle time-out ends a silent connection', async () => {
    const listener = await openListener({ limits: { idleTimeout: 50 } });
    await openConnection(listener.address);
    const heard = new Listening(listener.accepted[0]!);
    await until(() => heard.ends.length === 1);
    expect(heard.ends[0]).toEqual(code('ERR_CONNECTION_CLOSED'));
  });

  test('a fault in a role is not swallowed as a fault of its peer', async () => {
    const listener = await openListener();
    const left = await openConnection(listener.address);
    const faults: unknown[] = [];
    const catchFault = (error: unknown): unknown => faults.push(error);
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', catchFault);
    onTestFinished(() => {
      process.removeListener('uncaughtException', catchFault);
      for (const listener of before) process.on('uncaughtException', listener);
    });
    listener.accepted[0]!.start({
      message: () => {
        throw new TypeError('a defect');
      },
      closed: () => {},
    });
    left.send(['heartbeat']);
    await until(() => faults.length === 1);
    expect(faults[0]).toMatchObject({ message: 'a defect' });
  });
});

test('a listener asks nothing of the options that it does not need', async () => {
  const listener = await listen({ address: ['127.0.0.1', 0], auth, self: serverInfo, onConnection: () => {} });
  expect(listener.key).toBe(auth);
  await listener.close();
  await listener.close();
});
