import { describe, expect, it } from 'vitest';
import { commonEnvironment, taskEnvironment } from '../../src/client/environment.ts';
import { parseClientOptions } from '../../src/config/client.ts';
import type { TaskAttributes } from '../../src/task/task.ts';

const facts = { server: { id: 'server-1', host: 'there' }, wall: 1_000 };

function environmentOf(attributes: TaskAttributes | null, args = 'echo a', command = args): Record<string, string> {
  return taskEnvironment({ attempt: 2, granted: [1, 0, [0, args, null, attributes]] }, 'id-1', command, 3, facts);
}

describe('the environment of a task', () => {
  it('has the client, its slots and its directory, the same for all', () => {
    const { config } = parseClientOptions({ numTasks: 4 });
    expect(commonEnvironment(config, 'client-1', 'here')).toEqual({
      TASK_CLIENT_ID: 'client-1',
      TASK_CLIENT_HOST: 'here',
      TASK_SLOT_COUNT: '4',
      TASK_CWD: process.cwd(),
    });
  });

  it('has what is known of the task and of the attempt, and nothing that is not set', () => {
    expect(environmentOf(null, 'a.txt', 'cat a.txt')).toEqual({
      TASK_ID: 'id-1',
      TASK_ATTEMPT: '2',
      TASK_GROUP: '0',
      TASK_SLOT: '3',
      TASK_SUBMIT_TIME: '1970-01-01T00:00:00.000Z',
      TASK_START_TIME: '1970-01-01T00:00:01.000Z',
      TASK_SERVER_ID: 'server-1',
      TASK_SERVER_HOST: 'there',
      TASK_ARGS: 'a.txt',
      TASK_COMMAND: 'cat a.txt',
    });
  });

  it('has what the task asks for, in the units of people', () => {
    expect(environmentOf({ cores: 2, memory: 1024, timeout: 1500, group: 5, cwd: '/tmp' })).toMatchObject({
      TASK_CORES: '2',
      TASK_MEMORY: '1024',
      TASK_TIMEOUT: '1.5',
      TASK_GROUP: '5',
      TASK_CWD: '/tmp',
    });
  });

  it('has each tag under a name that a shell can export', () => {
    const tags = { site: 'a b', 'some.key-x+y': 1, flag: true, none: null, bare: '' };
    expect(environmentOf({ tags })).toMatchObject({
      TASK_TAG_SITE: 'a b',
      TASK_TAG_SOME_KEY_X_Y: '1',
      TASK_TAG_FLAG: 'true',
      TASK_TAG_NONE: 'null',
      TASK_TAG_BARE: '',
    });
  });

  it('has of two tags with the same name the last one', () => {
    expect(environmentOf({ tags: { 'a.b': 'first', 'a-b': 'last' } }).TASK_TAG_A_B).toBe('last');
  });

  it('has the own variables of the task, which win', () => {
    expect(environmentOf({ env: { TASK_SLOT: 'mine', OTHER: 'x' } })).toMatchObject({ TASK_SLOT: 'mine', OTHER: 'x' });
  });

  it('leaves out a line that is too long for a variable', () => {
    const environment = environmentOf(null, 'x'.repeat(64 * 1024 + 1), 'short');
    expect(environment).not.toHaveProperty('TASK_ARGS');
    expect(environment.TASK_COMMAND).toBe('short');
  });
});
