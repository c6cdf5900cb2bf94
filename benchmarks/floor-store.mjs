/** SQLite alone, with the schema and the statements of our store but none of its code around them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { migrations } from '../dist/store/sqlite/migrations/list.js';
import * as sql from '../dist/store/sqlite/queries.js';

/** A file as ours: journal, `synchronous=FULL`, tables. */
function open(folder) {
  const database = new Database(join(folder, 'floor.db'));
  database.exec('pragma journal_mode = wal; pragma synchronous = full');
  for (const { sql: text } of migrations) database.exec(text);
  return database;
}

/** A commit of one small row, as often as it is called. */
export function openTable(folder) {
  const database = open(folder);
  const insert = database.prepare(sql.insertTaskRun);
  const [begin, commit] = ['begin immediate', 'commit'].map((text) => database.prepare(text));
  let n = 1;
  return () => {
    begin.run();
    insert.run([`[${text(n)}]`, n, 1, 0, 0]);
    commit.run();
    n++;
  };
}

const text = (n) => `[${Date.now()},1,"file:///a/place/of/benchmarks/no-op.mjs#nothing","[${n}]",null]`;
const end = (n) => `[1,null,1,${n % 2},${Date.now()},0.004,${Date.now()},12,null]`;

/** As many tasks inserted and ended in bundles of these sizes, their texts made before; ms and processor ms. */
export function recordAll(parent, tasks, { insert, ends }) {
  const folder = mkdtempSync(join(parent, 'floor-'));
  const database = open(folder);
  const [begin, commit, insertRun, endRun] = ['begin immediate', 'commit', sql.insertTaskRun, sql.endTaskRun].map((one) =>
    database.prepare(one),
  );
  const lists = (size, make) =>
    Array.from({ length: tasks / size }, (_, at) => `[${Array.from({ length: size }, (_, i) => make(at * size + i + 1)).join(',')}]`);
  const inserted = lists(insert, text);
  const ended = lists(ends, end);
  const from = performance.now();
  const before = process.cpuUsage();
  for (const [at, list] of inserted.entries()) {
    begin.run();
    insertRun.run([list, at * insert + 1, 1, 0, 0]);
    commit.run();
  }
  for (const [at, list] of ended.entries()) {
    begin.run();
    endRun.run([list, at * ends + 1, 1]);
    commit.run();
  }
  const { user, system } = process.cpuUsage(before);
  const ms = performance.now() - from;
  const { done } = database.prepare('select count(*) as done from task where state = 4').get();
  database.close();
  rmSync(folder, { recursive: true });
  if (done !== tasks) throw new Error(`${done} of ${tasks} tasks are recorded`);
  return { ms, processor: (user + system) / 1_000 };
}
