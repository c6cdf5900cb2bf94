/** Remote objects at the address of a server: objects of the host, names in its store, callers from anywhere. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect, type ServerThread } from '../../dist/index.js';
import { batch, bounded, control, currentCall, Daemon, locateNS, proxy, type Remote, release } from '../../dist/remote/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failureOf, startServer } from './rig.ts';

expectNoLeaks();

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const auth = 'a key for these tests';

class Music {
  volume = 3;
  readonly heard: string[] = [];
  play(song: string): string {
    return `playing ${song}`;
  }
  note(line: string): void {
    this.heard.push(line);
  }
  lines(): string[] {
    return this.heard;
  }
  each(songs: string[], call: (song: string) => Promise<string>): Promise<string[]> {
    return Promise.all(songs.map((song) => call(song)));
  }
  *count(n: number): Generator<number> {
    for (let i = 0; i < n; i += 1) yield i;
  }
  wait(): Promise<string> {
    const { signal } = currentCall();
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve('aborted')));
  }
}

class Counter {
  static #made = 0;
  readonly #number: number = ++Counter.#made;
  get number(): number {
    return this.#number;
  }
  which(): number {
    return this.#number;
  }
}

function open<T>(uri: string, options: object = {}): Remote<T> {
  const remote = proxy<T>(uri, { auth, timeout: 20, ...options });
  onTestFinished(() => release(remote));
  return remote;
}

async function names(server: ServerThread): ReturnType<typeof locateNS> {
  const found = await locateNS(server.address as { host: string; port: number }, undefined, { auth });
  onTestFinished(() => found.release());
  return found;
}

describe('the daemon of a server', () => {
  test('has objects of the host: called at its address, with callbacks, streams, oneway calls, attributes and names', async () => {
    const server = await startServer({ auth, foreverMode: true });
    const daemon = await server.daemon;
    const music = new Music();
    const uri = await daemon.register(music, 'music', { name: 'the.music', metadata: ['sound'], oneway: ['note'] });
    const { host, port } = server.address as { host: string; port: number };
    expect([uri, daemon.uriFor(music)]).toEqual([`mill:music@${host}:${port}`, uri]);
    const remote = open<Music>(`millname:the.music@${host}:${port}`);
    expect(await remote.play('a')).toBe('playing a');
    expect(await remote.each(['a', 'b'], async (song) => `heard ${song}`)).toEqual(['heard a', 'heard b']);
    const numbers: number[] = [];
    for await (const n of await remote.count(5_000)) numbers.push(n);
    expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, i) => i));
    for (let i = 0; i < 100; i += 1) void remote.note(`line ${i}`);
    await until(() => music.heard.length === 100);
    expect((await remote.lines())[99]).toBe('line 99');
    expect((await failureOf(() => (remote as unknown as { heard: Promise<unknown> }).heard)).error).toMatchObject({
      code: 'ERR_NOT_EXPOSED',
    });
    expect([...(await (await daemon.names).list({ metadataAll: ['sound'] })).keys()]).toEqual(['the.music']);
    await daemon.unregister(music);
    expect((await failureOf(() => open<Music>(uri).play('b'))).error).toMatchObject({ code: 'ERR_OBJECT' });
    expect([...(await (await daemon.names).list()).keys()]).toEqual([]);
    await server.stop();
  });

  test('has classes of the host: one instance for each connection, for all, or for each call', async () => {
    const server = await startServer({ auth, foreverMode: true });
    const daemon = await server.daemon;
    const modes = ['session', 'single', 'percall'] as const;
    const uris = await Promise.all(modes.map((instances) => daemon.register(class extends Counter {}, instances, { instances })));
    const seen = async (uri: string | undefined): Promise<boolean[]> => {
      const [one, other] = [open<Counter>(uri!), open<Counter>(uri!)];
      const [a, b, c, d] = [await one.which(), await one.number, await other.which(), await other.number];
      return [a === b, c === d, a === c];
    };
    expect(await Promise.all(uris.map(seen))).toEqual([
      [true, true, false],
      [true, true, true],
      [false, false, false],
    ]);
    const unsaid = await daemon.register(class extends Counter {}, 'unsaid');
    expect(await seen(unsaid)).toEqual([true, true, false]);
    await server.stop();
  });

  test('asks the instance of a connection for all that one object is asked for, and has it freed when the connection ends', async () => {
    const server = await startServer({ auth, foreverMode: true });
    const daemon = await server.daemon;
    const made: WeakRef<Kept>[] = [];
    class Kept extends Music {
      constructor() {
        super();
        made.push(new WeakRef(this));
      }
    }
    const uri = await daemon.register(Kept, 'kept', { expose: ['note', 'lines', 'each', 'count', 'volume', 'wait'], oneway: ['note'] });
    const [one, other] = [open<Kept>(uri), open<Kept>(uri)];
    for (let i = 0; i < 100; i += 1) void one.note(`line ${i}`);
    await control(one).set('volume', 9);
    expect([await one.volume, await other.volume, await other.lines()]).toEqual([9, 3, []]);
    await until(async () => (await one.lines()).length === 100);
    expect(await one.lines()).toEqual(Array.from({ length: 100 }, (_, i) => `line ${i}`));
    expect(await one.each(['a', 'b'], async (song) => `heard ${song}`)).toEqual(['heard a', 'heard b']);
    const numbers: number[] = [];
    for await (const n of await one.count(3)) numbers.push(n);
    expect(numbers).toEqual([0, 1, 2]);
    const calls = batch(one);
    calls.each(['c'], async (song: string) => song);
    calls.lines();
    expect([...(await calls())][1]).toHaveLength(100);
    expect((await failureOf(() => bounded(one, { timeout: 0.1 }).wait())).error).toMatchObject({ code: 'ERR_TIMEOUT' });
    expect((await failureOf(() => (one as unknown as { play(): Promise<string> }).play())).error).toMatchObject({
      code: 'ERR_NOT_EXPOSED',
    });
    expect(made).toHaveLength(2);
    control(one).release();
    await until(() => {
      collectGarbage();
      return made[0]!.deref() === undefined;
    });
    expect(await other.volume).toBe(3);
    expect(await one.lines()).toEqual([]);
    expect(made).toHaveLength(3);
    await server.stop();
  });

  test('says what cannot be registered, and serves tasks beside it', async () => {
    const server = await startServer({ auth, foreverMode: true });
    const daemon = await server.daemon;
    expect(await server.daemon).toBe(daemon);
    const refused = async (step: () => Promise<unknown>): Promise<unknown> => (await failureOf(step)).error.code;
    expect(await refused(() => daemon.register(Music, 'm', { instances: 'each' as 'single' }))).toBe('ERR_OPTION');
    expect(await refused(() => daemon.register(new Music(), 'm', { instances: 'session' }))).toBe('ERR_OPTION');
    expect(await refused(() => daemon.register('music' as unknown as object, 'm'))).toBe('ERR_OBJECT');
    expect(await refused(() => daemon.register(new Music(), 'm', { expose: ['_x'] }))).toBe('ERR_NOT_EXPOSED');
    const single = await daemon.register(Music, 'm', { instances: 'single' });
    expect(await refused(() => daemon.register(new Music(), 'm'))).toBe('ERR_OBJECT');
    expect(await refused(() => daemon.register(Music, 'n', { instances: 'single' }))).toBe('ERR_OBJECT');
    expect(await refused(() => daemon.register(new Music(), 'n', { name: 'a b' }))).toBe('ERR_NAME');
    expect(await open<Music>(single).play('x')).toBe('playing x');
    expect(await refused(() => daemon.unregister({}))).toBe('ERR_OBJECT');
    expect(
      await refused(() => locateNS(server.address as { host: string; port: number }, undefined, { auth: 'another key, a wrong one' })),
    ).toBe('ERR_AUTH');
    const connection = await connect(server.address, { auth });
    expect((await connection.progress()).submitted).toBe(0);
    await connection.close();
    await server.stop();
    expect(await refused(() => open<Music>(single).play('x'))).toBe('ERR_CONNECTION_CLOSED');
  });

  test('tells a method of the host that its caller gave up, and frees what another process had registered with its connection', async () => {
    const server = await startServer({ auth, foreverMode: true });
    const daemon = await server.daemon;
    const ended: unknown[] = [];
    const object = {
      wait(): Promise<void> {
        const { signal } = currentCall();
        return new Promise((resolve) =>
          signal.addEventListener('abort', () => {
            ended.push((signal.reason as { code?: string }).code);
            resolve();
          }),
        );
      },
    };
    const remote = open<typeof object>(await daemon.register(object, 'o'));
    await control(remote).bind();
    expect((await failureOf(() => bounded(remote, { timeout: 0.1 }).wait())).error).toMatchObject({ code: 'ERR_TIMEOUT' });
    await until(() => ended.length === 1);
    expect(ended).toEqual(['ERR_ABORTED']);
    await daemon[Symbol.asyncDispose]();
    await until(async () => (await failureOf(() => open<typeof object>(control(remote).uri).wait())).error.code === 'ERR_OBJECT');
    await server.stop();
  });

  test('keeps names in the database: they are there after a restart, with a lease their daemon renews', async () => {
    const database = `${temporaryFolder()}/tasks.db`;
    const first = await startServer({ auth, database, foreverMode: true });
    const { host, port } = first.address as { host: string; port: number };
    const objects = await Daemon.new({ address: { host: '127.0.0.1', port: 0 }, auth, nameServer: [host, port], nameLease: 1 });
    onTestFinished(() => objects.stop());
    const uri = objects.register(new Music(), 'music', { name: 'music', metadata: ['sound'] });
    await objects.named();
    await (await names(first)).register('fixed', 'mill:x@host:1', { metadata: ['t'] });
    await first.stop();
    const second = await startServer({ auth, database, foreverMode: true, address: [host, port] });
    const found = await names(second);
    expect((await found.lookup('fixed')).toString()).toBe('mill:x@host:1');
    expect(await found.metadata('fixed')).toEqual(['t']);
    expect((await found.lookup('music')).toString()).toBe(uri);
    expect(await open<Music>(`millmeta:sound@${host}:${port}`).play('b')).toBe('playing b');
    await objects.stop();
    await until(async () => !(await found.list()).has('music'));
    expect([...(await found.list()).keys()]).toEqual(['fixed']);
    await second.stop();
  });

  test('works over TLS with the certificate of this machine', async () => {
    const server = await startServer({ auth, tls: true, foreverMode: true });
    const uri = await (await server.daemon).register(new Music(), 'music');
    expect(await open<Music>(uri, { tls: true }).play('a')).toBe('playing a');
    await server.stop();
  });
});
