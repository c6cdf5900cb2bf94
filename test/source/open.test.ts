import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSource, type Source } from '../../src/source/open.ts';
import type { SourceReader } from '../../src/source/reader.ts';
import type { TaskInput } from '../../src/task/task.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';

async function file(content: string | Uint8Array): Promise<string> {
  const path = join(temporaryFolder(), 'lines');
  await writeFile(path, content);
  return path;
}

/** Everything that comes, and what it ended with. */
async function drain(reader: SourceReader, limit = 100): Promise<{ items: TaskInput[]; error: unknown }> {
  const items: TaskInput[] = [];
  try {
    for (;;) {
      const taken = await reader.take(limit);
      if (taken.length === 0) return { items, error: null };
      expect(taken.length).toBeLessThanOrEqual(limit);
      items.push(...taken);
    }
  } catch (error) {
    return { items, error };
  } finally {
    await reader.close();
  }
}

async function all(source: Source, limit?: number): Promise<TaskInput[]> {
  const { items, error } = await drain(await openSource(source), limit);
  expect(error).toBeNull();
  return items;
}

expectNoLeaks();

function failing(code: string): unknown {
  return expect.objectContaining({ code });
}

describe('a file', () => {
  it('gives its lines, stripped, with any line end, without its byte-order mark', async () => {
    const path = await file('\ufeffone\r\n  two\t\n\nthree\u00a0');
    expect(await all(path)).toEqual(['one', 'two', '', 'three\u00a0']);
    expect(await all(pathToFileURL(path))).toEqual(['one', 'two', '', 'three\u00a0']);
  });

  it.each([
    ['', []],
    ['\n', ['']],
    ['a\n', ['a']],
    ['a', ['a']],
    ['\ufeff', []],
  ])('of %j gives %j', async (content, lines) => {
    expect(await all(await file(content))).toEqual(lines);
  });

  it('keeps lines and characters whole over chunks of any size', async () => {
    const line = `${'é😀'.repeat(20_000)}x`;
    const lines = Array.from({ length: 20 }, (_, i) => `${i}${line}`);
    expect(await all(await file(lines.join('\n')), 3)).toEqual(lines);
    const short = lines.map((text) => [...text].slice(0, 200).join(''));
    expect(await all(createReadStream(await file(short.join('\n')), { highWaterMark: 7 }), 3)).toEqual(short);
  });

  it('that is missing is refused before anything is read, and the message says how to pass a command', async () => {
    await expect(openSource(join(temporaryFolder(), 'missing'))).rejects.toEqual(failing('ERR_SOURCE_NOT_FOUND'));
    await expect(openSource('echo hello')).rejects.toThrow(/put command lines into a list/);
  });

  it('that cannot be one is refused', async () => {
    await expect(openSource(temporaryFolder())).rejects.toEqual(failing('ERR_SOURCE'));
    await expect(openSource(new URL('http://x/y'))).rejects.toEqual(failing('ERR_SOURCE'));
    await expect(openSource('a\0b')).rejects.toEqual(failing('ERR_SOURCE'));
  });

  it('with a line without end is given up before it fills the memory', async () => {
    const endless = Readable.from(
      (function* () {
        for (let i = 0; i < 1_000; i += 1) yield Buffer.alloc(1_000_000, 'x');
      })(),
      { objectMode: false },
    );
    const { items, error } = await drain(await openSource(endless));
    expect(items).toEqual([]);
    expect(error).toEqual(failing('ERR_SOURCE'));
    expect(endless.destroyed).toBe(true);
  });
});

describe('a stream', () => {
  it('of bytes or text is read by lines, one of objects item by item', async () => {
    expect(await all(Readable.from([Buffer.from('a\nb'), Buffer.from('c\n')], { objectMode: false }))).toEqual(['a', 'bc']);
    expect(await all(Readable.from(['a\nb', { args: 'c' }]))).toEqual(['a\nb', { args: 'c' }]);
  });

  it('that fails hands over its whole lines first, also when it fails before it is read', async () => {
    const failingStream = Readable.from(
      (async function* () {
        yield Buffer.from('a\nb\nhalf');
        throw new Error('wire cut');
      })(),
      { objectMode: false },
    );
    const { items, error } = await drain(await openSource(failingStream));
    expect(items).toEqual(['a', 'b']);
    expect(error).toEqual(failing('ERR_SOURCE'));
    expect((error as Error).cause).toEqual(new Error('wire cut'));

    const reader = await openSource(createReadStream(join(temporaryFolder(), 'missing')));
    await new Promise((resolve) => setImmediate(resolve));
    expect((await drain(reader)).error).toEqual(failing('ERR_SOURCE'));
  });

  it('is read the same however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 8 }),
        fc.array(fc.nat(20), { maxLength: 10 }),
        async (texts, cuts) => {
          const bytes = Buffer.from(texts.join('\n'));
          const chunks: Buffer[] = [];
          let from = 0;
          for (const cut of cuts) {
            chunks.push(bytes.subarray(from, from + cut));
            from += cut;
          }
          chunks.push(bytes.subarray(from));
          const whole = await all(Readable.from([bytes], { objectMode: false }));
          expect(
            await all(
              Readable.from(
                chunks.filter(({ length }) => length > 0),
                { objectMode: false },
              ),
            ),
          ).toEqual(whole);
        },
      ),
    );
  });
});

describe('an iterable', () => {
  it('gives its items as they are, many at once', async () => {
    const reader = await openSource(['a', { args: 'b' }, '', 'c']);
    expect(reader.take(3)).toEqual(['a', { args: 'b' }, '']);
    expect(reader.take(3)).toEqual(['c']);
    expect(reader.take(3)).toEqual([]);
  });

  it('hands over what is there when the next item takes its time', async () => {
    let now = 0;
    const slow = (function* () {
      for (let i = 0; i < 10; i += 1) {
        now += 4;
        yield `t${i}`;
      }
    })();
    const reader = await openSource(slow, { wall: () => 0, now: () => now, random: () => 0, after: () => () => {} });
    expect(reader.take(100)).toEqual(['t0', 't1', 't2']);
    expect(reader.take(2)).toEqual(['t3', 't4']);
  });

  it('that throws hands over what came before, then fails with its error as the cause', async () => {
    const cause = new Error('no more');
    const source = (function* () {
      yield 'a';
      yield 'b';
      throw cause;
    })();
    const { items, error } = await drain(await openSource(source));
    expect(items).toEqual(['a', 'b']);
    expect(error).toEqual(failing('ERR_SOURCE'));
    expect((error as Error).cause).toBe(cause);
  });

  it('that answers later is asked for as much as there is room for and never ahead', async () => {
    let asked = 0;
    const source = (async function* () {
      for (;;) {
        asked += 1;
        yield `t${asked}`;
      }
    })();
    const reader = await openSource(source);
    expect(await reader.take(3)).toEqual(['t1', 't2', 't3']);
    expect(asked).toBe(3);
    await new Promise(setImmediate);
    expect(asked).toBe(3);
    expect(await reader.take(1)).toEqual(['t4']);
    expect(asked).toBe(4);
    await reader.close();
  });

  it('that answers later gives what came in one round of the event loop, and what follows when it comes', async () => {
    let goOn!: () => void;
    const source = (async function* () {
      yield 'a';
      yield 'b';
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      yield 'c';
    })();
    const reader = await openSource(source);
    expect(await reader.take(100)).toEqual(['a', 'b']);
    goOn();
    expect(await reader.take(100)).toEqual(['c']);
    expect(await reader.take(100)).toEqual([]);
  });

  it('that answers later is asked for nothing after a halt, which gives what had come', async () => {
    let asked = 0;
    const answers: ((item: IteratorResult<string>) => void)[] = [];
    const next = (): Promise<IteratorResult<string>> => {
      asked += 1;
      return new Promise((resolve) => answers.push(resolve));
    };
    const reader = await openSource({ [Symbol.asyncIterator]: () => ({ next }) });
    const taken = reader.take(100);
    answers[0]?.({ value: 'a' });
    await Promise.resolve();
    await Promise.resolve();
    expect(asked).toBe(2);
    expect(reader.halt?.()).toEqual(['a']);
    answers[1]?.({ value: 'b' });
    expect(await taken).toEqual(['b']);
    expect(asked).toBe(2);
  });

  it('that answers later and throws fails with its error as the cause', async () => {
    const cause = new Error('no more');
    const { items, error } = await drain(
      await openSource(
        (async function* () {
          yield 'a';
          throw cause;
        })(),
      ),
    );
    expect(items).toEqual(['a']);
    expect((error as Error).cause).toBe(cause);
  });

  it('is told when nobody wants more, and may fail in its clean-up', async () => {
    const told: string[] = [];
    function* counting(): Generator<string> {
      try {
        yield 'a';
        yield 'b';
      } finally {
        told.push('given back');
      }
    }
    const reader = await openSource(counting());
    await reader.take(1);
    await reader.close();
    await reader.close();
    expect(told).toEqual(['given back']);
    expect(reader.take(1)).toEqual([]);

    const throwing = (): never => {
      throw new Error('rude');
    };
    const rude = await openSource({ [Symbol.iterator]: () => ({ next: () => ({ value: 'a' }), return: throwing }) });
    await rude.take(1);
    await rude.close();
  });

  it('that never answers can be closed all the same', async () => {
    const reader = await openSource({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<string>>(() => {}) }) });
    void reader.take(1);
    await reader.close();
  });
});

describe('what is no source', () => {
  it.each([[null], [undefined], [7], [{ args: 'ls' }]])('is refused: %o', async (source) => {
    await expect(openSource(source as unknown as Source)).rejects.toEqual(failing('ERR_SOURCE'));
  });
});
