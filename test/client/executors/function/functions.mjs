/** Functions that tests call in threads. */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { setTimeout as later } from 'node:timers/promises';
import { functionContext } from '../../../../dist/client/executors/function/context.js';

let calls = 0;

export default (...args) => args;
export const nothing = () => {};
export const add = (a, b) => a + b;
export const slowly = async (ms, value) => {
  await later(ms);
  return value;
};
export const count = () => ++calls;
export const same = (value) => value;
export const environment = () => ({ ...process.env });
export const context = () => {
  const { id, attempt, slot } = functionContext();
  return { id, attempt, slot };
};
export const untilAborted = (mark) =>
  new Promise((resolve) => {
    const { signal } = functionContext();
    writeFileSync(mark, '');
    signal.addEventListener('abort', () => resolve('aborted'));
  });
export const busyUntilAborted = (mark) => {
  writeFileSync(mark, '');
  while (!functionContext().signal.aborted);
  return 'aborted';
};
export const busy = (mark) => {
  writeFileSync(mark, '');
  for (;;);
};
/** Holds its thread until there is a file `gate`. */
export const blocks = (gate, mark) => {
  writeFileSync(mark, '');
  while (!existsSync(gate)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  return 'blocked';
};
export const blocksAndExits = (gate, mark) => {
  blocks(gate, mark);
  process.exit(3);
};
export const fails = (message) => {
  throw Object.assign(new TypeError(message), { code: 'E_MINE' });
};
export const throwsText = () => {
  throw 'text';
};
export const uncloneable = () => ({ run: () => {} });
export const exits = () => process.exit(0);
export const uncaught = () => new Promise(() => setTimeout(() => fails('loose'), 1));
export const rejected = () => new Promise(() => Promise.reject(new Error('loose')));
export const leavesRejection = () => {
  setTimeout(() => Promise.reject(new Error('left behind')), 20);
  return 'done';
};
export const memory = () => {
  const all = [];
  for (;;) all.push(new Array(100_000).fill(all.length));
};
export const notAFunction = 1;
export const says = async (words, pause = 0) => {
  const { progress } = functionContext();
  for (const word of words) {
    progress(word);
    if (pause > 0) await later(pause);
  }
  return words.length;
};
export const logs = (...lines) => {
  for (const line of lines) functionContext().log(...line);
};
export const logsAnd = async (line, then, mark) => {
  functionContext().log(line);
  if (then === 'throw') throw new Error('after the log');
  if (then === 'exit') process.exit(0);
  await later(1);
  if (mark !== undefined) writeFileSync(mark, '');
  for (;;);
};
export const facts = () => {
  const { group, tags, parents } = functionContext();
  return { group, tags, parents: parents.map(({ id, outcome, value, stdout }) => ({ id, outcome, value, stdout: String(stdout) })) };
};
export const gives = (length) => {
  const { transfer } = functionContext();
  given = new Uint8Array(length).fill(7);
  return transfer(given, [given.buffer]);
};
let given = null;
export const givenAway = () => given.length;
export const givesPort = () => functionContext().transfer(1, [new MessageChannel().port1]);
/** Ends when there is a file `gate`, where it is given one. */
export const notes = async (path, name, gate = null) => {
  appendFileSync(path, `${name}\n`);
  while (gate !== null && !existsSync(gate)) await later(5);
  return name;
};
export const leavesError = () => {
  setTimeout(() => fails('left behind'), 20);
  return 'done';
};
export const leavesExit = () => {
  setTimeout(() => process.exit(1), 20);
  return 'done';
};
export function* generates() {
  yield 1;
}
export async function* generatesLater() {
  yield 1;
}
export class Thing {
  constructor() {
    this.size = 1;
  }
}
export const instance = () => new Thing();
export const failsWithCause = () => {
  throw new Error('outer', { cause: new RangeError('inner', { cause: 'innermost' }) });
};
export const throwsMonster = () => {
  throw Object.defineProperty(new Error('monster'), 'message', { value: { toString: null, valueOf: null } });
};
export const prints = (text) => {
  console.log(text);
  process.stdout.write(`${text}\n`);
  return text;
};
