/** Data objects of task graphs on a real server with real clients: what is kept, fetched, let go and moved. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { blob, type Context, directory, json, pickled, RainException, remote, tasks } from '../../dist/session/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { openSession, startCluster } from './graph-rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

test('constants can be fetched, also empty and large ones, and have their content types', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const value = { a: [1, new Date(5)] };
    const objects = [blob('text'), pickled(value), json([1]), blob(new Uint8Array()), blob(Buffer.alloc(9_000_000, 'ab')), blob('')];
    await session.submit();
    const [text, pickle, list, empty, large, nothing] = await Promise.all(objects.map((object) => object.fetch()));
    expect([await text?.load(), await pickle?.load(), await list?.load(), await nothing?.load()]).toEqual(['text', value, [1], '']);
    expect([(await empty?.getBytes())?.length, empty?.contentType]).toEqual([0, null]);
    expect((await large?.getBytes())?.equals(Buffer.alloc(9_000_000, 'ab'))).toBe(true);
    expect(objects[4]?.info?.size).toBe(9_000_000);
  });
});

test('only what is kept can be fetched, as often as it is wanted', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const [kept, loose] = [tasks.concat([blob('a'), blob('b')]).output.keep(), tasks.concat([blob('c'), blob('d')]).output];
    await session.submit();
    for (let i = 0; i < 3; i++) expect(await (await kept.fetch()).getStr()).toBe('ab');
    await expect(loose.fetch()).rejects.toThrow(/is not kept: call keep\(\) before submit\(\)/);
    expect(() => loose.keep()).toThrow(/is submitted/);
  });
});

test('an object that is let go can still be used by what needs it, and is then removed', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const made = tasks.concat([blob('a'), blob('b')]).output.keep();
    const used = tasks.sleep('50ms', made).output.keep();
    await session.submit();
    await made.unkeep();
    expect(made.isKept()).toBe(false);
    await expect(made.unkeep()).rejects.toThrow(/is not kept/);
    expect(await (await used.fetch()).getStr()).toBe('ab');
    await until(async () => {
      await made.update();
      return made.state === 'removed';
    }, 'its removal');
    // What is known of it stays as long as its session.
    expect(made.info).toMatchObject({ size: 2, error: '' });
    await expect(made.fetch()).rejects.toThrow(RainException);
  });
});

test('a later submission may use what is kept, and constants; what is gone refuses all of it', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const [constant, kept, gone] = [blob('c'), tasks.concat([blob('k'), blob('')]), tasks.concat([blob('g'), blob('')])];
    kept.output.keep();
    await session.submit();
    await session.waitAll();
    const joined = tasks.concat([constant, kept]).output.keep();
    await session.submit();
    expect(await (await joined.fetch()).getStr()).toBe('ck');
    await until(async () => {
      await gone.output.update();
      return gone.output.state === 'removed';
    }, 'its removal');
    const [never] = [tasks.concat([gone]), tasks.concat([constant])];
    await expect(session.submit()).rejects.toThrow(RainException);
    expect([session.taskCount, session.dataobjCount, never.state]).toEqual([2, 2, null]);
  });
});

test('what is known of tasks and objects comes by update, with the attributes of both sides', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const task = remote((context: Context) => {
      context.debug('said %s', 'this');
      context.attributes.info.user.given = context.attributes.spec.user.mark;
      const result = context.blob('12345');
      result.info.user.own = true;
      return result;
    })();
    task.spec.user.mark = [1, 'x'];
    task.output.keep();
    expect([task.info, task.output.info]).toEqual([null, null]);
    await session.submit();
    await session.wait([task]);
    expect(task.info).toBeNull();
    await client.update([task, task.output]);
    expect(task.info).toMatchObject({ error: '', user: { given: [1, 'x'] }, debug: expect.stringContaining('said this') });
    expect(task.info?.durationMs).toBeGreaterThanOrEqual(0);
    expect(task.info?.client).not.toBe('');
    expect(task.output.info).toMatchObject({ size: 5, contentType: 'text', user: { own: true } });
    expect([task.state, task.output.state]).toEqual(['finished', 'finished']);
  });
});

test('attributes that begin with _ or cannot be cloned refuse the submission, which stays as it was', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const task = tasks.concat([blob('a')]);
    task.spec.user._mine = 1;
    await expect(session.submit()).rejects.toThrow(/begin with _/);
    delete task.spec.user._mine;
    task.spec.user.fn = () => 1;
    await expect(session.submit()).rejects.toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    delete task.spec.user.fn;
    await session.submit();
    await session.waitAll();
  });
});

test('directories travel from the program to tasks and back', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  const [source, target] = [temporaryFolder(), join(temporaryFolder(), 'out')];
  mkdirSync(join(source, 'sub'));
  writeFileSync(join(source, 'sub', 'a'), 'x'.repeat(3_000_000));
  await session.bindOnly(async () => {
    const made = tasks.makeDirectory({ in: await directory(source), 'more/b': blob('b'), none: await directory() }).output.keep();
    await session.submit();
    const instance = await made.fetch();
    expect([instance.dataType, instance.size > 3_000_000]).toEqual(['dir', true]);
    await instance.write(target);
    expect(readFileSync(join(target, 'in', 'sub', 'a'), 'utf8')).toHaveLength(3_000_000);
    expect(readFileSync(join(target, 'more', 'b'), 'utf8')).toBe('b');
  });
});

test('what is larger than one wants to hold is read part by part', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const made = tasks.execute('head -c 20000000 /dev/zero', { stdout: true }).output.keep();
    await session.submit();
    let [bytes, parts] = [0, 0];
    for await (const part of made.stream()) {
      bytes += part.length;
      parts++;
    }
    expect(bytes).toBe(20_000_000);
    expect(parts).toBeGreaterThan(10);
  });
});

test('objects that were made on one client are inputs on another', async () => {
  const { client } = await startCluster(3, { numTasks: 1 });
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const made = Array.from({ length: 12 }, (_, i) =>
      tasks.execute(`head -c 300000 /dev/zero | tr '\\0' '${String.fromCharCode(97 + i)}'`, { shell: true, stdout: true }),
    );
    const joined = tasks.concat(made).output.keep();
    await session.submit();
    const text = await (await joined.fetch()).getStr();
    expect(text.length).toBe(3_600_000);
    expect([...text].filter((_, i) => i % 300_000 === 0).join('')).toBe('abcdefghijkl');
    await session.update(made);
    expect(new Set(made.map((task) => task.info?.client)).size).toBeGreaterThan(1);
  });
});

test('a graph of any size is one submission', async () => {
  const { client } = await startCluster(1, { numTasks: 2 });
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const padding = 'x'.repeat(200);
    let last = blob('0');
    const leaves = Array.from({ length: 5_000 }, (_, i) => tasks.concat([blob(`${i} ${padding}`)]));
    for (let i = 0; i < 20; i++) last = tasks.concat([last, leaves[i]!]).output;
    last.keep();
    await session.submit();
    expect(session.taskCount).toBe(0);
    await session.waitAll();
    expect((await (await last.fetch()).getStr()).length).toBe(
      1 + Array.from({ length: 20 }, (_, i) => String(i).length + 201).reduce((a, b) => a + b),
    );
  });
});

test('what a function writes of an input that is a file may be changed', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const made = tasks.execute('head -c 500000 /dev/zero', { shell: true, stdout: true });
    const modes = remote(async (context, input: { write(path: string): Promise<void>; link(path: string): Promise<void> }) => {
      const { statSync } = process.getBuiltinModule('node:fs');
      await input.write('own');
      await input.link('its');
      return ['own', 'its'].map((name) => (statSync(`${context.folder}/${name}`).mode & 0o200) !== 0).join();
    })(made);
    modes.output.keep();
    // A program stays one; where nothing can be written that is said, and no file stays open.
    const program = tasks.execute('head -c 500000 /dev/zero > program; chmod +x program', { shell: true, outputPaths: ['program'] });
    const bits = remote(async (context, input: { write(path: string): Promise<void> }) => {
      const { readdirSync, statSync } = process.getBuiltinModule('node:fs');
      await input.write('own');
      const open = () => readdirSync('/proc/self/fd').length;
      const before = open();
      const refusals = [];
      for (let i = 0; i < 20; i++)
        await input.write('missing/own').catch((error: { code: string }) => {
          refusals.push(error.code);
        });
      return [(statSync(`${context.folder}/own`).mode & 0o700).toString(8), refusals.length, open() - before < 10].join();
    })(program);
    bits.output.keep();
    await session.submit();
    expect(await (await modes.output.fetch()).getStr()).toBe('true,false');
    expect(await (await bits.output.fetch()).getStr()).toBe('700,20,true');
  });
});
