/** A stream of the user's that pieces are redirected to: when a piece counts as written, and what becomes of the stream's errors. */
import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { MillraceError } from '../../src/base/errors.ts';
import { RedirectStream } from '../../src/output/redirect-stream.ts';

describe('a stream that is redirected to', () => {
  it('has taken a piece when its promise resolves', async () => {
    const taken: string[] = [];
    const target = new Writable({
      write: (chunk, _encoding, done) =>
        setImmediate(() => {
          taken.push(String(chunk));
          done();
        }),
    });
    const stream = new RedirectStream(target, 'it', () => {});
    await stream.write('one\n');
    expect(taken).toEqual(['one\n']);
    await stream.write(new Uint8Array([50, 10]));
    expect(taken).toEqual(['one\n', '2\n']);
    stream.release();
  });

  it('refuses a piece that cannot be written with ERR_REDIRECT, and says which stream it is', async () => {
    const target = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no room')) });
    const stream = new RedirectStream(target, 'the stream of failures', () => {});
    await expect(stream.write('one\n')).rejects.toMatchObject({
      code: 'ERR_REDIRECT',
      message: 'the stream of failures cannot be written: no room',
    });
  });

  it('refuses what a stream with a write of its own throws, whatever that is', async () => {
    const target = {
      write: () => {
        throw 'closed';
      },
    } as unknown as Writable;
    const stream = new RedirectStream(target, 'it', () => {});
    await expect(stream.write('one\n')).rejects.toMatchObject({ code: 'ERR_REDIRECT', message: 'it cannot be written: closed' });
    stream.release();
  });

  it('tells an error that belongs to no write, and listens no more once it is let go', async () => {
    const target = new PassThrough();
    const failures: MillraceError[] = [];
    const stream = new RedirectStream(target, 'it', (error) => failures.push(error));
    target.emit('error', new Error('gone'));
    expect(failures).toMatchObject([{ code: 'ERR_REDIRECT', message: 'it cannot be written: gone' }]);
    stream.release();
    expect(target.listenerCount('error')).toBe(0);
    expect(target.destroyed).toBe(false);
  });
});
