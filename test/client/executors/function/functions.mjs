/** Functions that tests call in threads. */
import { writeFileSync } from 'node:fs';
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
    writeFileSync(mark, '');
    functionContext().signal.addEventListener('abort', () => resolve('aborted'));
  });
export const busy = (mark) => {
  writeFileSync(mark, '');
  for (;;);
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
