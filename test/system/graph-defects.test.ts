/** What programs and functions may do to the objects of a session, and what must not come of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { blob, type Context, type DataInstance, remote, TaskException, tasks } from '../../dist/session/index.js';
import { temporaryFolder } from '../support/temporary.ts';
import { failureOf, openSession, startCluster } from './graph-rig.ts';

vi.setConfig({ testTimeout: 60_000 });

test('a program that writes to an input which it may only read fails, and the object is made again: nobody gets what was written', async () => {
  const { client } = await startCluster();
  const session = await openSession(client, { onFailure: 'continue' });
  const runs = join(temporaryFolder(), 'runs');
  await session.bindOnly(async () => {
    const made = tasks.execute(`echo run >> ${runs}; printf original`, { shell: true, stdout: true });
    const vandal = tasks.execute(['sh', '-c', 'chmod u+w "$0"; echo changed > "$0"; true', made]);
    const reader = tasks.execute(['sh', '-c', 'cat "$0"', tasks.concat([made, blob('!')])], { stdout: true });
    for (const task of [made, reader]) task.output.keep();
    await session.submit();
    const failure = await failureOf(() => session.wait([vandal]));
    expect(failure).toBeInstanceOf(TaskException);
    expect(failure.message).toMatch(/has written to its input .*write: true/);
    expect(await (await made.output.fetch()).getStr()).toBe('original');
    expect(await (await reader.output.fetch()).getStr()).toBe('original!');
    expect(readFileSync(runs, 'utf8')).toBe('run\nrun\n');
  });
});

test('a program may run a program that another one has made', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const tool = tasks.execute("printf '#!/bin/sh\\necho of the tool\\n' > tool; chmod +x tool", { shell: true, outputPaths: ['tool'] });
    const said = tasks.execute(['sh', '-c', './"$0"', tool], { stdout: true });
    said.output.keep();
    await session.submit();
    expect(await (await said.output.fetch()).getStr()).toBe('of the tool\n');
  });
});

test('a result that a function gives as a link to its input is a copy: it stays when the input goes', async () => {
  const { client } = await startCluster();
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const made = tasks.execute('head -c 300000 /dev/zero', { stdout: true });
    const linked = remote(async (context: Context, input: DataInstance) => {
      await input.link(`${context.folder}/link`);
      return context.stageFile('link');
    })(made);
    linked.output.keep();
    await session.submit();
    await session.waitAll();
    expect((await (await linked.output.fetch()).getBytes()).length).toBe(300_000);
  });
});

test('where failures go on, each wait for all throws the failure, not only the first', async () => {
  const { client } = await startCluster();
  const session = await openSession(client, { onFailure: 'continue' });
  await session.bindOnly(async () => {
    tasks.execute('exit 3', { shell: true });
    await session.submit();
    for (let i = 0; i < 3; i++) expect(await failureOf(() => session.waitAll())).toBeInstanceOf(TaskException);
  });
});

test('what is called off says what it was, also when its signal was aborted before', async () => {
  const { client } = await startCluster(0);
  const session = await openSession(client);
  await session.bindOnly(async () => {
    const never = tasks.concat([blob('a'), blob('b')]);
    never.output.keep();
    await session.submit();
    const signal = AbortSignal.abort();
    const calls = [() => session.wait([never], { signal }), () => session.waitAll({ signal }), () => session.waitSome([never], { signal })];
    for (const call of calls)
      expect(await failureOf(call)).toMatchObject({
        code: 'ERR_ABORTED',
        message: 'what was waited for has not ended when it was called off',
      });
    expect(await failureOf(() => never.output.fetch({ signal }))).toMatchObject({
      code: 'ERR_ABORTED',
      message: 'the object was not there when it was called off',
    });
  });
});
