/** The programs of Pyro's page on clients, in its words as far as the language has them. */
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  async as asyncProxy,
  type BatchResults,
  batch,
  ConnectionClosedError,
  callback,
  control,
  type Daemon,
  locateNS,
  proxy,
  release,
  serveNames,
  TimeoutError,
  URI,
} from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { auth, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

class MediaServerError extends Error {
  override readonly name = 'MediaServerError';
}

class MusicServer {
  #playing: string | null = null;
  readonly heard: string[] = [];
  load_playlist(name: string): void {
    if (name === 'unknown') throw new MediaServerError(`no playlist ${name}`);
    this.#playing = `${name} 1`;
  }
  play(): void {
    this.heard.push('play');
  }
  current_song(): string | null {
    return this.#playing;
  }
  async slow(): Promise<string> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return 'slow';
  }
  goOn(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
  readonly #waiting: (() => void)[] = [];
}

async function musicbox(): Promise<{ daemon: Daemon; music: MusicServer; uri: string }> {
  const daemon = await openDaemon({ classes: { MediaServerError } });
  const music = new MusicServer();
  return { daemon, music, uri: daemon.register(music, 'musicserver') };
}

describe('the page', () => {
  test('finds an object by its place, by a name that is looked up, and by a name in the URI', async () => {
    const { daemon, uri } = await musicbox();
    const { host, port } = daemon.address as { host: string; port: number };
    expect(uri).toBe(`mill:musicserver@${host}:${port}`);
    expect(new URI(uri)).toMatchObject({ protocol: 'mill', object: 'musicserver', host, port });
    const server = await serveNames({ address: { host: '127.0.0.1', port: 0 }, auth });
    onTestFinished(() => server.stop());
    const place = server.address as { host: string; port: number };
    const nameserver = await locateNS(place.host, place.port, { auth });
    onTestFinished(() => nameserver.release());
    await nameserver.register('musicserver', uri);
    const found = await nameserver.lookup('musicserver');
    for (const each of [uri, found, `millname:musicserver@${place.host}:${place.port}`]) {
      const musicserver = proxy<MusicServer>(each, { auth });
      onTestFinished(() => release(musicserver));
      expect(await musicserver.current_song()).toBeNull();
    }
  });

  test('calls the object as if it was here, and catches its errors', async () => {
    const { uri } = await musicbox();
    const musicserver = openProxy<MusicServer>(uri, { classes: { MediaServerError } });
    const said: unknown[] = [];
    try {
      await musicserver.load_playlist('90s rock');
      await musicserver.play();
      said.push(await musicserver.current_song());
      await musicserver.load_playlist('unknown');
    } catch (error) {
      if (!(error instanceof MediaServerError)) throw error;
      said.push("Couldn't select playlist or start playing");
    }
    expect(said).toEqual(['90s rock 1', "Couldn't select playlist or start playing"]);
  });

  test('gives each proxy a connection of its own, which is released by hand or with its block, and comes back when it is needed', async () => {
    const { daemon, uri } = await musicbox();
    const [one, two] = [openProxy<MusicServer>(uri), openProxy<MusicServer>(uri)];
    await Promise.all([one.play(), two.play(), one.play()]);
    expect(daemon.sessions).toBe(2);
    control(one).release();
    await until(() => daemon.sessions === 1);
    const failed = async (): Promise<void> => {
      const block = control(two);
      try {
        await two.load_playlist('unknown');
      } finally {
        await block[Symbol.asyncDispose]();
      }
    };
    expect(await failure(failed())).toMatchObject({ name: 'MediaServerError' });
    await until(() => daemon.sessions === 0);
    expect([await one.current_song(), control(one).connected]).toEqual([null, true]);
  });

  test('does not wait for oneway calls, gets nothing from them, and no error', async () => {
    const { music, uri } = await musicbox();
    const remote = openProxy<MusicServer>(uri);
    expect([...control(remote).oneway]).toEqual([]);
    control(remote).oneway.add('slow');
    control(remote).oneway.update(['play', 'load_playlist', 'not_there']);
    const results = [await remote.slow(), await remote.play(), await remote.load_playlist('unknown')];
    results.push(await (remote as unknown as { not_there(): Promise<undefined> }).not_there());
    expect(results).toEqual([undefined, undefined, undefined, undefined]);
    expect(music.heard).toEqual([]);
    await remote.goOn();
    await until(() => music.heard.length === 1);
  });

  test('makes a batch by a function or by the proxy itself: results in order, none, or later', async () => {
    const { music, uri } = await musicbox();
    const remote = openProxy<MusicServer>(uri);
    for (const calls of [batch(remote), control(remote).batch()]) {
      calls.load_playlist('a');
      calls.current_song();
      calls.load_playlist('b');
      calls.current_song();
      expect([...(await calls())]).toEqual([undefined, 'a 1', undefined, 'b 1']);
      calls.play();
      expect(await calls({ oneway: true })).toBeUndefined();
      calls.load_playlist('c');
      calls.current_song();
      const results = calls({ async: true });
      expect([...(await results.value)]).toEqual([undefined, 'c 1']);
      calls.load_playlist('d');
      calls.current_song();
      const chained = calls({ async: true }).then((found: BatchResults, suffix: string) => [...found].join() + suffix, '!');
      expect(await chained.value).toBe(',d 1!');
    }
    await until(() => music.heard.length === 2);
  });

  test('makes calls whose results come later, by a function or by the proxy itself: value, ready, wait, then', async () => {
    const { uri } = await musicbox();
    const remote = openProxy<MusicServer>(uri);
    for (const later of [asyncProxy(remote), control(remote).async()]) {
      const slow = later.slow();
      expect([slow.ready, await slow.wait('10ms')]).toEqual([false, false]);
      const chain: unknown[] = [];
      slow
        .then((value: string, more: string) => {
          chain.push(value, more);
          return `${value} ${more}`;
        }, 'song')
        .then((value: string) => {
          chain.push(value);
          return value.length;
        });
      await until(async () => {
        await remote.goOn();
        return slow.ready;
      });
      expect([await slow.wait(), slow.ready, await slow.value, chain]).toEqual([true, true, 9, ['slow', 'song', 'slow song']]);
    }
  });

  test('calls back without a server on the side of the caller, and shows an error of the callback on both sides', async () => {
    const daemon = await openDaemon();
    const worker = { work: (n: number, call: (n: number) => Promise<number>) => call(n).catch((error: Error) => error.name) };
    const seen: unknown[] = [];
    const remote = openProxy<typeof worker>(daemon.register(worker), { onCallbackError: (error) => seen.push(error) });
    expect(await remote.work(1, (async (n: number) => n + 1) as never)).toBe(2);
    const crash = callback((): never => {
      throw new RangeError('crash away');
    });
    expect(await remote.work(1, crash as never)).toBe('RangeError');
    expect(seen).toEqual([expect.objectContaining({ message: 'crash away' })]);
    expect(daemon.sessions).toBe(1);
  });

  test('bounds calls by a time-out for one proxy, in seconds, and stays usable', async () => {
    const { uri } = await musicbox();
    const remote = openProxy<MusicServer>(uri, { timeout: null });
    expect(control(remote).timeout).toBeNull();
    control(remote).timeout = 0.05;
    expect(await failure(remote.slow())).toBeInstanceOf(TimeoutError);
    control(remote).timeout = null;
    expect(await remote.current_song()).toBeNull();
    await remote.goOn();
  });

  test('says that the connection is lost, and goes on after a reconnection to the same URI', async () => {
    const first = await openDaemon();
    const remote = openProxy<MusicServer>(first.register(new MusicServer(), 'musicserver'));
    await remote.play();
    const { port } = first.address as { port: number };
    await first.stop();
    const error = await failure(remote.play());
    expect(error).toBeInstanceOf(ConnectionClosedError);
    expect(await failure(control(remote).reconnect(2))).toBeInstanceOf(ConnectionClosedError);
    const again = control(remote).reconnect();
    const second = await openDaemon({ address: { host: '127.0.0.1', port } });
    const music = new MusicServer();
    second.register(music, 'musicserver');
    await again;
    await remote.play();
    expect(music.heard).toEqual(['play']);
  });

  test('shares a proxy between any number of callers at once, or gives each a copy', async () => {
    const { daemon, uri } = await musicbox();
    const remote = openProxy<MusicServer>(uri);
    const waiting = Array.from({ length: 20 }, () => remote.slow());
    expect(await remote.current_song()).toBeNull();
    await remote.goOn();
    expect(await Promise.all(waiting)).toEqual(Array.from({ length: 20 }, () => 'slow'));
    expect(daemon.sessions).toBe(1);
    const copies = [control(remote).copy(), openProxy<MusicServer>(control(remote).uri)];
    for (const copy of copies) {
      onTestFinished(() => release(copy));
      await copy.play();
      expect(control(copy).equals(remote)).toBe(true);
    }
    expect(daemon.sessions).toBe(3);
  });
});
