/** The types of remote objects. They are checked by `npm run types`, which compiles this file; run as a test it says that the names exist. */
import { expectTypeOf, test } from 'vitest';
import {
  type Batch,
  type BatchResults,
  bounded,
  control,
  type Daemon,
  type FutureResult,
  pipelined,
  proxy,
  type Remote,
} from '../../src/remote/index.ts';

interface Music {
  volume: number;
  play(song: string, from?: number): boolean;
  find(id: number): string;
  find(name: string, exact: boolean): string[];
  load<T>(value: T): Promise<T>;
  lines(from: number): Generator<string>;
  later(): AsyncGenerator<number>;
  found(): Promise<AsyncIterable<number>>;
  then(): void;
}

test('every method is asynchronous; overloads stay, generics of asynchronous methods too; attributes are awaited', () => {
  const check = async (music: Remote<Music>): Promise<void> => {
    expectTypeOf(music.play('x')).toEqualTypeOf<Promise<boolean>>();
    expectTypeOf(music.find(1)).toEqualTypeOf<Promise<string>>();
    expectTypeOf(music.find('a', true)).toEqualTypeOf<Promise<string[]>>();
    expectTypeOf(music.load({ a: 1 })).toEqualTypeOf<Promise<{ a: number }>>();
    for await (const line of await music.lines(1)) expectTypeOf(line).toEqualTypeOf<string>();
    for await (const item of await music.later()) expectTypeOf(item).toEqualTypeOf<number>();
    for await (const item of await music.found()) expectTypeOf(item).toEqualTypeOf<number>();
    expectTypeOf(await music.volume).toEqualTypeOf<number>();
    expectTypeOf(await pipelined(music).play('x')).toEqualTypeOf<boolean>();
    expectTypeOf(control(music).set('volume', 3)).toEqualTypeOf<Promise<void>>();
    expectTypeOf(bounded(music, { timeout: 1 })).toEqualTypeOf<Remote<Music>>();
    expectTypeOf<Remote<Music>>().not.toHaveProperty('then');
    // @ts-expect-error a song is a text
    music.play(5);
    // @ts-expect-error no such method
    music.stop();
    // @ts-expect-error an attribute is set by control()
    music.volume = 5;
    // @ts-expect-error a volume is a number
    control(music).set('volume', 'loud');
  };
  expectTypeOf(check).toBeFunction();
  expectTypeOf(proxy<Music>).returns.toEqualTypeOf<Remote<Music>>();
  expectTypeOf<Daemon>().toExtend<AsyncDisposable>();
});

test('a batch queues with the arguments of the methods and gives results, a handle or nothing', () => {
  const check = (calls: Batch<Remote<Music>>): void => {
    expectTypeOf(calls.play('x')).toEqualTypeOf<object>();
    expectTypeOf(calls()).toEqualTypeOf<Promise<BatchResults>>();
    expectTypeOf(calls({ oneway: true })).toEqualTypeOf<Promise<undefined>>();
    expectTypeOf(calls({ async: true })).toEqualTypeOf<FutureResult<BatchResults>>();
    // @ts-expect-error a song is a text
    calls.play(5);
  };
  expectTypeOf(check).toBeFunction();
});
