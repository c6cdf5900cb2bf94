/**
 * How many shell commands a second? Server, client and submitter over loopback TCP, tasks in an SQLite file, both streams captured, two
 * slots; beside `xargs`, GNU parallel with its job log, a plain loop of `child_process.spawn` and execa; in a small host, and in one that holds 1 GiB.
 * Slower ones get fewer commands. Our slot runs `true`, as a builtin, without a process; `exit 0` needs a fork, as nearly all commands do.
 */
import { compare } from './compare.mjs';
import { commandsOverTcp } from './contestants.mjs';
import { packageVersions, programVersion, quick } from './harness.mjs';
import { execa, line, spawnLoop, withMemory } from './rivals/commands.mjs';

const ours = (command) =>
  commandsOverTcp(function* (tasks) {
    for (let i = 0; i < tasks; i++) yield command;
  });
const parallel = (command) => line(`seq N | parallel -j2 -N1 --joblog log "${command} #"`, { needs: ['parallel'], share: 0.05 });
const tasks = quick ? 500 : 10_000;
const rounds = quick ? 1 : 3;

await compare(
  'shell',
  import.meta.url,
  [
    {
      name: 'true',
      tasks,
      rounds,
      contestants: {
        'xargs -P2 sh -c': line('seq N | xargs -P2 -I{} sh -c true', { share: 0.3 }),
        millrace: ours('true'),
        'millrace, exit 0': ours('exit 0'),
        'GNU parallel -j2': parallel('true'),
        'spawn loop': spawnLoop('true', 0.1),
        execa: execa('true', 0.05),
      },
    },
    {
      name: '/bin/true',
      tasks,
      rounds,
      contestants: {
        'xargs -P2': line('seq N | xargs -P2 -I{} /bin/true', { share: 0.3 }),
        millrace: ours('/bin/true'),
        'xargs -P2 sh -c': line('seq N | xargs -P2 -I{} sh -c /bin/true', { share: 0.2 }),
        'GNU parallel -j2': parallel('/bin/true'),
        'spawn loop': spawnLoop('/bin/true', 0.1),
        execa: execa('/bin/true', 0.05),
      },
    },
    {
      name: 'true, host of 1 GiB',
      tasks,
      // Rounds of one second differ by a tenth.
      rounds: quick ? 1 : 7,
      contestants: {
        'millrace, small host': ours('true'),
        millrace: withMemory(2 ** 30, ours('true')),
        'spawn loop': withMemory(2 ** 30, spawnLoop('true', quick ? 0.04 : 0.01)),
        execa: withMemory(2 ** 30, execa('true', quick ? 0.04 : 0.01)),
      },
    },
  ],
  {
    bars: [
      { what: 'true against xargs -P2 sh -c', case: 'true', contestant: 'millrace', of: 'ratio', least: 2.5 },
      { what: '/bin/true against xargs -P2', case: '/bin/true', contestant: 'millrace', of: 'ratio', least: 0.9 },
      { what: '/bin/true against GNU parallel', case: '/bin/true', contestant: 'millrace', against: 'GNU parallel -j2', least: 3 },
      { what: 'true in a host of 1 GiB against a small one', case: 'true, host of 1 GiB', contestant: 'millrace', of: 'ratio', least: 0.9 },
    ],
    versions: () => [programVersion('xargs'), programVersion('parallel'), ...packageVersions(['execa'])],
  },
);
