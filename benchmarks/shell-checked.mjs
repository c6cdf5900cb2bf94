/**
 * How many commands a second when each does something that is checked afterwards? A pipeline with its own text, a test of a file, and a command
 * that needs 24 variables of its own; what is stored, output and counts, is read from the file again; beside `xargs -P2 sh -c`, whose output is
 * checked as well.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare } from './compare.mjs';
import { commandsOverTcp } from './contestants.mjs';
import { programVersion, quick } from './harness.mjs';
import { line } from './rivals/commands.mjs';

const names = Array.from({ length: 24 }, (_, i) => `V${i}`);
const all = names.map((name) => `$${name}`).join(',');
const tasks = quick ? 300 : 5_000;
const rounds = quick ? 1 : 3;

/** The store, opened again: as many tasks as were submitted, all succeeded, each with its own output. */
const stored = (expected) => async (database, count) => {
  const { openTasks } = await import('../dist/index.js');
  const data = await openTasks(database);
  try {
    const counts = [await data.count(), await data.count({ outcome: 'succeeded' })];
    if (counts.some((one) => one !== count)) throw new Error(`the file holds ${counts.join(' tasks, succeeded ')}, not ${count}`);
    const wanted = new Map();
    for (let i = 1; i <= count; i++) wanted.set(expected(i), (wanted.get(expected(i)) ?? 0) + 1);
    for await (const { stdout } of data.find()) {
      const text = stdout.toString();
      if (!(wanted.get(text) > 0)) throw new Error(`an output that no task should have: ${JSON.stringify(text)}`);
      wanted.set(text, wanted.get(text) - 1);
    }
  } finally {
    await data.close();
  }
};

/** What `xargs` wrote: the same lines. */
const written = (expected) => (folder, count) => {
  const lines = (list) => list.join('').split('\n').sort().join('\n');
  const wanted = Array.from({ length: count }, (_, i) => expected(i + 1));
  if (lines([readFileSync(join(folder, 'out'), 'utf8')]) !== lines(wanted)) throw new Error('xargs wrote something else');
};

const cases = {
  'echo N | wc -c': {
    *ours(count) {
      for (let i = 1; i <= count; i++) yield `echo ${i} | wc -c`;
    },
    theirs: "seq N | xargs -P2 -I{} sh -c 'echo {} | wc -c' > out",
    expected: (i) => `${String(i).length + 1}\n`,
  },
  'test -f x && :': {
    *ours(count, folder) {
      writeFileSync(join(folder, 'x'), '');
      for (let i = 1; i <= count; i++) yield { args: 'test -f x && :', cwd: folder };
    },
    theirs: "touch x; seq N | xargs -P2 -I{} sh -c 'test -f x && :' > out",
    expected: () => '',
  },
  '24 variables': {
    *ours(count) {
      for (let i = 1; i <= count; i++) yield { args: `echo "${all}"`, env: Object.fromEntries(names.map((name) => [name, String(i)])) };
    },
    theirs: `seq N | xargs -P2 -I{} sh -c '${names.map((name) => `${name}={}`).join('; ')}; echo "${all}"' > out`,
    expected: (i) => `${names.map(() => i).join(',')}\n`,
  },
};

await compare(
  'shell-checked',
  import.meta.url,
  Object.entries(cases).map(([name, { ours, theirs, expected }]) => ({
    name,
    tasks,
    rounds,
    contestants: {
      'xargs -P2 sh -c': line(theirs, { check: written(expected) }),
      millrace: commandsOverTcp(ours, stored(expected)),
    },
  })),
  {
    bars: Object.keys(cases).map((name) => ({
      what: `${name} against xargs -P2 sh -c`,
      case: name,
      contestant: 'millrace',
      of: 'ratio',
      least: 1,
    })),
    versions: () => [programVersion('xargs')],
  },
);
