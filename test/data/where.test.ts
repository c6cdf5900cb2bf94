import { describe, expect, it } from 'vitest';
import { checkQuery, type TaskQuery } from '../../src/data/query.ts';
import { areConditions, readWhere } from '../../src/data/where.ts';
import type { Condition } from '../../src/store/store.ts';

const read = (where: unknown): Condition[] => readWhere(where).map(({ condition }) => condition);
const of = (field: string, op: string, value: unknown): unknown => ({ field, op, value });

describe('a text is one condition, in the units of stores', () => {
  const samples: [text: string, field: string, op: string, value: unknown][] = [
    ['duration >= 5', 'duration', '>=', 5_000],
    ['duration<=500ms', 'duration', '<=', 500],
    ['  waited   >2m ', 'waited', '>', 120_000],
    ['durationMs < 250', 'duration', '<', 250],
    ['timeout == 1h', 'timeout', '==', 3_600_000],
    ['exitStatus != 0', 'exitStatus', '!=', 0],
    ['exit_status == 127', 'exitStatus', '==', 127],
    ['args ~ ^echo', 'args', '~', '^echo'],
    ['args == echo "a" b', 'args', '==', 'echo "a" b'],
    [`args == 'it is 5'`, 'args', '==', 'it is 5'],
    ['args == null', 'args', '==', 'null'],
    ['args ~ a = b', 'args', '~', 'a = b'],
    ['command == null', 'command', '==', null],
    [`command == 'null'`, 'command', '==', 'null'],
    ["outcome == 'failed'", 'outcome', '==', 'failed'],
    ['outcome == null', 'outcome', '==', null],
    ['kind != function', 'kind', '!=', 'function'],
    ['signal == null', 'signal', '==', null],
    ['signal == none', 'signal', '==', null],
    ['signal == KILL', 'signal', '==', 'SIGKILL'],
    ['signal != sigterm', 'signal', '!=', 'SIGTERM'],
    ['memory >= 4GB', 'memory', '>=', 4 * 2 ** 30],
    ['memory_max > 100', 'peakMemory', '>', 100],
    ['cores_max >= 1.5', 'peakCores', '>=', 1.5],
    ['submittedAt > 2026-01-01T00:00:00Z', 'submittedAt', '>', Date.UTC(2026, 0, 1)],
    ['submit_time > 2026-01-01T01:00+01:00', 'submittedAt', '>', Date.UTC(2026, 0, 1)],
    ['start_time >= 2026-02-28', 'startedAt', '>=', Date.UTC(2026, 1, 28)],
    ['completion_time < 1767225600000', 'completedAt', '<', 1_767_225_600_000],
    ['client_host == node-7', 'clientHost', '==', 'node-7'],
    ['client_id == null', 'clientId', '==', null],
    ['priority < -1', 'priority', '<', -1],
    ['tag.site == north', 'tag.site', '==', 'north'],
    ['tag.run >= 7', 'tag.run', '>=', 7],
    ["tag.run == '7'", 'tag.run', '==', '7'],
    ['tag.odd == true', 'tag.odd', '==', true],
    ['tag.none != null', 'tag.none', '!=', null],
    ['tag.a-b.c+d_e ~ x', 'tag.a-b.c+d_e', '~', 'x'],
  ];
  for (const [text, field, op, value] of samples)
    it(text, () => {
      expect(read(text)).toEqual([of(field, op, value)]);
      expect(areConditions(read([text]))).toBe(true);
    });
});

describe('a mistake names its column and what was expected', () => {
  const mistakes: [text: string, column: number, message: RegExp][] = [
    ['', 1, /expected a field/],
    ['   ', 4, /expected a field/],
    ['== 5', 1, /expected a field/],
    ['durration >= 5', 1, /no field 'durration'\. Did you mean 'duration'\?/],
    ['exit_statu == 5', 1, /Did you mean 'exitStatus'\?/],
    ['tag. == 5', 1, /a tag is 'tag\.' and its key/],
    ['duration', 9, /expected an operator after 'duration': == != > >= < <=/],
    ['duration 5', 10, /expected an operator/],
    ['duration = 5', 10, /'=' is no operator\. Did you mean '=='\?/],
    ['args =~ x', 6, /Did you mean '~'\?/],
    ['exitStatus <> 5', 12, /Did you mean '!='\?/],
    ['duration => 5', 10, /Did you mean '>='\?/],
    ['args >= x', 6, /'>=' does not go with args: expected one of == != ~/],
    ['duration ~ 5', 10, /does not go with duration/],
    ['outcome > failed', 9, /does not go with outcome/],
    ['duration >=', 12, /expected a duration.* after '>='/],
    ['duration >= 5 parsecs', 13, /expected a duration/],
    ['duration >= -5', 13, /expected a duration/],
    ['memory > 4 potatoes', 10, /expected a size/],
    ['exitStatus == zero', 15, /expected a number or null/],
    ['exitStatus == 0x10', 15, /expected a number/],
    ['group == null', 10, /expected a number/],
    ['exitStatus > null', 14, /null can be compared by == and != only/],
    ['submittedAt > 2026-01-01T00:00:00', 15, /with Z or an offset/],
    ['submittedAt > yesterday', 15, /expected a time/],
    ['submittedAt > 2026-02-31', 15, /expected a time/],
    ['submittedAt > 2026-13-01', 15, /expected a time/],
    ["outcome == 'faild'", 12, /one of succeeded, failed/],
    ["args == 'open", 9, /begins with ' and does not end with it/],
    ['args ~ (', 8, /regular expression is refused.*Unterminated group/],
    ['args ~ (a+)+$', 8, /regular expression is refused.*can take for ever/],
    ['tag.site > north', 12, /expected a number after '>'/],
    ['tag.odd >= true', 12, /expected a number/],
  ];
  for (const [text, column, message] of mistakes)
    it(JSON.stringify(text), () => {
      expect(() => read(text)).toThrow(
        expect.objectContaining({ code: 'ERR_QUERY', message: expect.stringMatching(message), details: { condition: text, column } }),
      );
    });

  it('which of several it is', () => {
    expect(() => read(['group == 1', 'duration = 5'])).toThrow(/^where\[1\], column 10: /);
    expect(() => read([['duration', '=', 5]])).toThrow(/where\[0\]: expected one of == .*Did you mean '=='\?/);
  });
});

describe('a tuple is the same, with values that have their types', () => {
  it('dates, durations, sizes, null and tags', () => {
    expect(
      read([
        ['submittedAt', '>', new Date(5)],
        ['duration', '>=', 0.5],
        ['duration', '<', '10m'],
        ['memory', '>=', '4GB'],
        ['signal', '==', null],
        ['tag.run', '==', '7'],
        ['tag.run', '==', 7],
        ['tag.odd', '==', false],
        'group == 1',
      ]),
    ).toEqual([
      of('submittedAt', '>', 5),
      of('duration', '>=', 500),
      of('duration', '<', 600_000),
      of('memory', '>=', 4 * 2 ** 30),
      of('signal', '==', null),
      of('tag.run', '==', '7'),
      of('tag.run', '==', 7),
      of('tag.odd', '==', false),
      of('group', '==', 1),
    ]);
  });

  it('what is none is refused', () => {
    for (const where of [
      5,
      null,
      {},
      [5],
      [[]],
      [['duration', '>=']],
      [['duration', '>=', {}]],
      [['args', '~', /x/]],
      [['group', '==', null]],
      [['submittedAt', '>', new Date(Number.NaN)]],
    ])
      expect(() => read(where), JSON.stringify(where)).toThrow(expect.objectContaining({ code: 'ERR_QUERY' }));
  });
});

describe('conditions from another machine', () => {
  it('are believed only when a query could have made them', () => {
    const wrong: unknown[] = [
      'x',
      [5],
      [null],
      [{ field: 'group', op: '==' }],
      [{ field: 'group', op: '==', value: 1, more: 1 }],
      [{ field: 'grp', op: '==', value: 1 }],
      [{ field: 'exit_status', op: '==', value: 1 }],
      [{ field: '__proto__', op: '==', value: 1 }],
      [{ field: 'constructor', op: '==', value: 1 }],
      [{ field: 'tag.', op: '==', value: 1 }],
      [{ field: 'group', op: '~', value: 'x' }],
      [{ field: 'group', op: '==', value: 'x' }],
      [{ field: 'group', op: '==', value: '1' }],
      [{ field: 'group', op: '==', value: Number.NaN }],
      [{ field: 'group', op: '==', value: null }],
      [{ field: 'signal', op: '>', value: null }],
      [{ field: 'args', op: '~', value: '(a+)+' }],
      [{ field: 'outcome', op: '==', value: 'lucky' }],
      [{ field: 'tag.x', op: '==', value: {} }],
      Array.from({ length: 1_001 }, () => of('group', '==', 1)),
    ];
    for (const conditions of wrong) expect(areConditions(conditions), JSON.stringify(conditions)?.slice(0, 80)).toBe(false);
    expect(areConditions([])).toBe(true);
  });
});

describe('in a query', () => {
  it('conditions on what a store can find by other ways go there', () => {
    const id = '018f0000-0000-7000-8000-000000000001';
    expect(checkQuery({ where: ['state == running', 'group == 3', 'outcome == lost', `id == ${id}`] })).toEqual({
      filter: { state: 1, group: 3, outcome: 5 },
      state: 'running',
      ids: [id],
    });
    expect(checkQuery({ where: ['outcome == null', 'group != 3', 'state != done'] }).filter.where).toEqual([
      of('outcome', '==', null),
      of('group', '!=', 3),
      of('state', '!=', 'done'),
    ]);
    expect(checkQuery({ group: 1, where: 'group == 3' }).filter).toEqual({ group: 1, where: [of('group', '==', 3)] });
    expect(checkQuery({ ids: [id], where: 'id == 018f0000-0000-7000-8000-000000000002' }).ids).toEqual([]);
  });

  it('what a state cannot be is refused', () => {
    for (const where of ['state != running', 'state != ready', ['state == done', 'state == ready']])
      expect(() => checkQuery({ where })).toThrow(expect.objectContaining({ code: 'ERR_QUERY' }));
    expect(() => checkQuery({ state: 'done', where: 'state == running' })).toThrow(/done and running at once/);
  });

  it('tags are told by objects and by texts', () => {
    const tags = (value: unknown): unknown => checkQuery({ tags: value } as TaskQuery).filter.tags;
    expect(tags('site')).toEqual({ site: undefined });
    expect(tags('site:north')).toEqual({ site: 'north' });
    expect(tags(['site', 'run:7', 'empty:', 'site:north'])).toEqual({ site: 'north', run: '7', empty: '' });
    expect(tags(['site:north', 'site'])).toEqual({ site: 'north' });
    for (const wrong of [['site:a', 'site:b'], 'a b', ['x:a b'], [5], ''])
      expect(() => tags(wrong), JSON.stringify(wrong)).toThrow(expect.objectContaining({ code: 'ERR_QUERY' }));
  });
});
