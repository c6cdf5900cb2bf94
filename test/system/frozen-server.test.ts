/** A server that stands still for longer than evictAfter takes no task from anybody: what its clients said meanwhile waits in its sockets. */
import { writeFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { type Address, ClientThread, connect } from '../../dist/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { pidsIn, startServerProgram } from './rig.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

it('a server that is frozen for longer than evictAfter and goes on evicts nobody, and nothing runs again', async () => {
  const folder = temporaryFolder();
  const runs = `${folder}/runs`;
  const program = await startServerProgram({ foreverMode: true, evictAfter: 2, database: `${folder}/tasks.db` });
  const address = program.last('address') as Address;
  const client = await ClientThread.new({ address, numTasks: 1 });
  const submitter = await connect(address);
  const gate = `${folder}/gate`;
  await submitter.submit([`echo 1 >> ${runs}; while [ ! -e ${gate} ]; do sleep 0.05; done; echo $TASK_ATTEMPT`]);
  await submitter.close();
  await until(() => pidsIn(runs).length === 1, 'its start');
  process.kill(program.pid, 'SIGSTOP');
  const stopped = performance.now();
  await until(() => client.state === 'connecting' && performance.now() - stopped > 3_000, 'more than evictAfter to pass');
  process.kill(program.pid, 'SIGCONT');
  // It ends when its client is back, and not before.
  await until(() => client.state === 'connected', 'its return');
  writeFileSync(gate, '');
  const control = await connect(address);
  for await (const result of control.results()) {
    expect(result).toMatchObject({ outcome: 'succeeded', attempt: 1, stdout: Buffer.from('1\n') });
    break;
  }
  expect(pidsIn(runs)).toHaveLength(1);
  await control.close();
  await client.stop();
  await client.join();
});
