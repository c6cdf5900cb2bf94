import { describe, expect, it } from 'vitest';
import { parseHandleSubmitOptions, parseSubmitOptions } from '../../src/config/submit.ts';
import type { SubmitOptions } from '../../src/config/submit-options.ts';
import { refusal } from './refusals.ts';

describe('the options of a submission', () => {
  it('lead to the default server when they name none', () => {
    expect(parseSubmitOptions().config).toEqual({
      target: { kind: 'server', address: { host: 'localhost', port: 50001 }, auth: null, tls: null },
      bundlesize: 100,
      bundlewait: 50,
      template: '{}',
      attributes: null,
      contentKeys: false,
      strict: false,
    });
  });

  it('give every task its defaults, in the form in which tasks travel', () => {
    const { config } = parseSubmitOptions({
      group: 1,
      cores: 0.5,
      memory: '1k',
      timeout: '1m',
      tags: { a: 1 },
      priority: -1,
      maxRetries: 2,
    });
    expect(config.attributes).toEqual({ group: 1, cores: 0.5, memory: 1024, timeout: 60_000, tags: { a: 1 }, priority: -1, maxRetries: 2 });
    expect(structuredClone(config)).toEqual(config);
  });

  it('lead to a server or to a database, never to both', () => {
    expect(parseSubmitOptions({ database: 'tasks.db' }).config.target).toMatchObject({ kind: 'database', database: 'tasks.db' });
    expect(parseSubmitOptions({ address: 'a:1', auth: 'my-secret-key' }).config.target).toMatchObject({
      kind: 'server',
      auth: 'my-secret-key',
    });
    expect(refusal(() => parseSubmitOptions({ address: 'a:1', database: 'tasks.db' }))).toMatchObject({
      code: 'ERR_OPTION',
      option: 'address',
    });
    expect(refusal(() => parseSubmitOptions({ database: 'memory:' }))).toMatchObject({ code: 'ERR_OPTION', option: 'database' });
  });

  it('name no server on a handle, which has its own', () => {
    expect(parseHandleSubmitOptions({ group: 2 }).config).toMatchObject({ target: null, attributes: { group: 2 } });
    for (const options of [{ address: 'a:1' }, { database: 'a' }, { auth: 'my-secret-key' }, { tls: true }] as SubmitOptions[])
      expect(refusal(() => parseHandleSubmitOptions(options))).toMatchObject({ code: 'ERR_OPTION', option: Object.keys(options)[0] });
  });

  it('are refused with the option named', () => {
    const wrong: [unknown, string, string][] = [
      [{ group: -1 }, 'ERR_OPTION', 'group'],
      [{ timeout: 0 }, 'ERR_DURATION', 'timeout'],
      [{ memory: 'big' }, 'ERR_SIZE', 'memory'],
      [{ tags: [] }, 'ERR_TAG', 'tags'],
      [{ bundleSize: 1 }, 'ERR_UNKNOWN_OPTION', 'bundleSize'],
      [{ key: 'place' }, 'ERR_OPTION', 'key'],
      [{ template: '' }, 'ERR_OPTION', 'template'],
      [{ template: '{% date %}' }, 'ERR_TEMPLATE', 'template'],
      [{ template: 'gpu {slot}' }, 'ERR_TEMPLATE', 'template'],
      [{ template: '{= 1 + =}' }, 'ERR_TEMPLATE', 'template'],
    ];
    for (const [options, code, option] of wrong)
      expect(
        refusal(() => parseSubmitOptions(options as SubmitOptions)),
        option,
      ).toMatchObject({ code, option });
  });
});
