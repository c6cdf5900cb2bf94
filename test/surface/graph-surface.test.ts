/** What the graph door gives; `npm run types` compiles the same. */
import { expect, expectTypeOf, test } from 'vitest';
import * as door from '../../src/session/index.ts';

test('the door of task graphs has these names', () => {
  expect(Object.keys(door).sort()).toEqual(
    [
      ...[
        'Client',
        'Context',
        'DataInstance',
        'DataObject',
        'Graph',
        'ID',
        'Input',
        'InputBase',
        'InputDir',
        'LabeledList',
        'MillraceError',
      ],
      ...[
        'MillraceGraphError',
        'MillraceSessionError',
        'MillraceTaskError',
        'Output',
        'OutputBase',
        'OutputDir',
        'Program',
        'RainException',
      ],
      ...[
        'RainWarning',
        'Session',
        'SessionException',
        'Task',
        'TaskException',
        'blob',
        'directory',
        'getActiveSession',
        'json',
        'pickled',
      ],
      ...['remote', 'tasks', 'toDataObject'],
    ].sort(),
  );
});

test('its errors are one family, each of them also known by the library’s own name', () => {
  const failure = { id: 12, task: 'x', reason: 'because', createdAt: '    at here', debug: 'said', stderr: 'wrote' };
  const error = new door.TaskException(failure);
  expect([error instanceof door.SessionException, error instanceof door.RainException, error instanceof door.MillraceError]).toEqual([
    true,
    true,
    true,
  ]);
  expect([door.MillraceGraphError, door.MillraceSessionError, door.MillraceTaskError]).toEqual([
    door.RainException,
    door.SessionException,
    door.TaskException,
  ]);
  expect(error.message).toBe('Task x failed\nMessage: because\nTask created at:\n    at here\nDebug:\nsaid\nStderr:\nwrote');
  expect([error.code, error.failure]).toEqual(['ERR_TASK_FAILED', failure]);
});

test('its types are those of the page', () => {
  expectTypeOf<door.Session['submit']>().toEqualTypeOf<(options?: door.WaitOptions) => Promise<void>>();
  expectTypeOf<door.Session['submit']>().toBeCallableWith();
  expectTypeOf<door.Session>().toExtend<AsyncDisposable>();
  expectTypeOf<door.Client>().toExtend<AsyncDisposable>();
  // The context needs no type of its own.
  door.remote((context, text: string, { least }: { least: number }) => {
    expectTypeOf(context.name).toEqualTypeOf<string>();
    return context.blob(text.slice(least));
  });
  expectTypeOf<door.TaskOptions['memory']>().toEqualTypeOf<door.Size | undefined>();
  expectTypeOf<door.SessionOptions>().toExtend<door.WaitOptions>();
  expectTypeOf(door.tasks.concat).returns.toEqualTypeOf<door.Task>();
  expectTypeOf<ReturnType<door.DataObject['fetch']>>().toEqualTypeOf<Promise<door.DataInstance>>();
  expectTypeOf<ReturnType<door.Remote>>().toEqualTypeOf<door.Task>();
});
