import { describe, expect, test } from 'vitest';
import { batch, byReference, control, pipelined } from '../../src/remote/index.ts';
import { Session } from '../../src/remote/session.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

class Album {
  readonly name: string;
  readonly #songs: string[] = [];
  constructor(name: string) {
    this.name = name;
    byReference(this);
  }
  add(song: string): void {
    this.#songs.push(song);
  }
  title(): string {
    return `${this.name} (${this.#songs.join()})`;
  }
  async later(): Promise<string> {
    return this.title();
  }
  twin(): Album {
    return new Album(`${this.name} twin`);
  }
  count(): number {
    return this.#songs.length;
  }
}

class Music {
  made = 0;
  album(name: string): Album {
    this.made += 1;
    if (name === '') throw new RangeError('no name');
    return new Album(name);
  }
  async slowAlbum(name: string): Promise<Album> {
    return this.album(name);
  }
  titles(albums: { list: Album[] }): string[] {
    return albums.list.map((album) => album.title());
  }
  same(a: unknown, b: unknown): boolean {
    return a === b;
  }
  plain(): { title: string } {
    return { title: 'plain' };
  }
  echo(value: unknown): unknown {
    return value;
  }
}

async function music(): Promise<{ object: Music; remote: ReturnType<typeof openProxy<Music>> }> {
  const daemon = await openDaemon();
  const object = new Music();
  const remote = openProxy<Music>(daemon.register(object, 'music'));
  await control(remote).bind();
  return { object, remote };
}

/** How many batches are sent while `body` runs. */
async function roundTrips(body: () => Promise<void>): Promise<number> {
  const { batch: send } = Session.prototype;
  let sent = 0;
  Session.prototype.batch = function (...given) {
    sent += 1;
    return send.apply(this, given);
  };
  try {
    await body();
  } finally {
    Session.prototype.batch = send;
  }
  return sent;
}

describe('calls on results that are not there yet', () => {
  test('travel with the call that they depend on: one round trip for all of a tick', async () => {
    const { object, remote } = await music();
    const pipe = pipelined(remote);
    const sent = await roundTrips(async () => {
      const album = pipe.album('x');
      album.add('one');
      const slow = pipe.slowAlbum('y');
      const titles = [album.title(), album.twin().twin().title(), slow.later(), pipe.titles({ list: [album, slow] } as never)];
      expect(await Promise.all(titles)).toEqual(['x (one)', 'x twin twin ()', 'y ()', ['x (one)', 'y ()']]);
      expect(await (await album).title()).toBe('x (one)');
    });
    expect([sent, object.made]).toEqual([1, 2]);
  });

  test('say on which failed call they depended, and leave the others', async () => {
    const { remote } = await music();
    const pipe = pipelined(remote);
    const none = pipe.album('');
    const [title, same, good] = [none.title(), pipe.same(none, 1), pipe.album('z').title()];
    expect(await failure(none)).toBeInstanceOf(RangeError);
    expect(await failure(title)).toMatchObject({ code: 'ERR_DEPENDENCY', cause: expect.objectContaining({ message: 'no name' }) });
    expect((await failure(same)).message).toContain("'album'");
    expect(await good).toBe('z ()');
  });

  test('reach only what crosses by reference, and what is exposed of it', async () => {
    const { remote } = await music();
    const pipe = pipelined(remote) as unknown as Record<string, (...args: unknown[]) => Record<string, () => PromiseLike<unknown>>>;
    const [plain, secret, number] = [pipe.plain!().title!(), pipe.album!('x')._private!(), pipe.echo!(7).toFixed!()];
    for (const call of [plain, secret, number]) expect(await failure(call)).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
  });

  test('of another tick are refused: by then the result is awaited', async () => {
    const { remote } = await music();
    const album = pipelined(remote).album('x');
    await album;
    expect(() => album.title()).toThrow(expect.objectContaining({ code: 'ERR_BATCH' }));
    expect(() => pipelined({})).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    expect(`${album}`).toBe('[result 0 of a batch]');
  });

  test('are queued in a batch too: its results stand in their places', async () => {
    const { object, remote } = await music();
    const calls = batch(remote);
    const album = calls.album('x');
    album.add('one');
    album.title();
    calls.titles({ list: [album] } as never);
    calls.echo(new Map([['k', 1]]));
    const sent = await roundTrips(async () => {
      const [there, , title, titles, map] = [...(await calls())];
      expect([title, titles, map]).toEqual(['x (one)', ['x (one)'], new Map([['k', 1]])]);
      expect(await (there as { count(): Promise<number> }).count()).toBe(1);
    });
    expect([sent, object.made]).toEqual([1, 1]);
    expect(() => album.title()).toThrow(expect.objectContaining({ code: 'ERR_BATCH' }));
    calls.echo(album);
    expect(await failure(calls())).toMatchObject({ code: 'ERR_BATCH' });
    expect(await failure(remote.echo(calls.album('y')) as Promise<unknown>)).toMatchObject({ code: 'ERR_BATCH' });
    const failing = batch(remote);
    failing.album('').title();
    failing.echo(1);
    expect((await failing({ continueOnError: true })).settled()).toMatchObject([
      { status: 'rejected', reason: { message: 'no name' } },
      { status: 'rejected', reason: { code: 'ERR_DEPENDENCY' } },
      { status: 'fulfilled', value: 1 },
    ]);
  });

  test('in a circle are refused with a code of their own, before anything is sent; the connection stays usable', async () => {
    const { object, remote } = await music();
    const calls = batch(remote);
    const list: unknown[] = [];
    const first = calls.echo(list);
    list.push(first);
    expect(await failure(calls())).toMatchObject({ code: 'ERR_CIRCULAR', message: expect.stringContaining('call 0') });
    const other: unknown[] = [];
    calls.echo(other);
    other.push(calls.album('x'));
    expect(await failure(calls())).toMatchObject({ code: 'ERR_CIRCULAR' });
    expect(object.made).toBe(0);
    expect(await remote.echo(1)).toBe(1);
  });
});
