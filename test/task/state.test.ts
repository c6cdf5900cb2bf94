import { expect, it } from 'vitest';
import { enter, type Stateful, taskState, taskStates } from '../../src/task/state.ts';

const allowed = new Set([
  'waiting>ready',
  'waiting>done',
  'ready>leased',
  'ready>done',
  'leased>running',
  'leased>ready',
  'leased>waiting',
  'leased>done',
  'running>ready',
  'running>waiting',
  'running>done',
]);

it('a task moves only along the table, and an illegal move tells its story', () => {
  for (const from of taskStates) {
    for (const to of taskStates) {
      const task: Stateful = { state: taskState[from], story: () => 'the story of task 7' };
      if (allowed.has(`${from}>${to}`)) {
        enter(task, taskState[to]);
        expect(task.state).toBe(taskState[to]);
      } else {
        expect(() => enter(task, taskState[to])).toThrow(`from ${from} to ${to}: the story of task 7`);
        expect(task.state).toBe(taskState[from]);
      }
    }
  }
});
