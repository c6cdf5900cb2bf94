import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { parseRunLocalOptions } from '../../src/config/local.ts';
import type { RunLocalOptions } from '../../src/config/local-options.ts';
import { refusal } from './refusals.ts';

const refused = (options: unknown): unknown => refusal(() => parseRunLocalOptions(['true'], options as RunLocalOptions));

describe('the options of runLocal', () => {
  it('use all cores unless told', () => {
    expect(parseRunLocalOptions(['true']).client.config.numTasks).toBe(availableParallelism());
    expect(parseRunLocalOptions(['true'], { numTasks: 3 }).client.config.numTasks).toBe(3);
  });

  it('go to the half that knows them, or to both', () => {
    const source = ['true'];
    const { signal } = new AbortController();
    const { server, client } = parseRunLocalOptions(source, { maxRetries: 2, capture: 'none', bundlesize: 7, taskTimeout: 1, signal });
    expect(server.hooks).toMatchObject({ source, signal });
    expect(client.hooks.signal).toBe(signal);
    expect(server.config).toMatchObject({ maxRetries: 2, bundlesize: 7, taskTimeout: 1_000 });
    expect(client.config).toMatchObject({ capture: 'none', bundlesize: 7 });
  });

  it("leave a task's own longer timeout alone: taskTimeout goes to the server, which gives it to tasks without one", () => {
    expect(parseRunLocalOptions(['true'], { taskTimeout: 1 }).client.config.taskTimeout).toBeNull();
  });

  it('need a source, and a template that can be filled in', () => {
    expect(refusal(() => parseRunLocalOptions(undefined as never))).toMatchObject({ code: 'ERR_OPTION', option: 'source' });
    for (const template of ['{% id', 'echo {= 1 + =}', '{[::0]}'])
      expect(refused({ template })).toMatchObject({ code: 'ERR_TEMPLATE', option: 'template' });
  });

  it('open no port, so nothing of a connection is taken', () => {
    for (const options of [{ address: 'localhost:1' }, { auth: 'my-secret-key' }, { tls: true }, { connectionLimits: {} }])
      expect(refused(options)).toMatchObject({ code: 'ERR_OPTION', option: Object.keys(options)[0] });
  });

  it('are refused when they do not exist or do not fit together', () => {
    expect(refused({ numTask: 1 })).toMatchObject({ code: 'ERR_UNKNOWN_OPTION', message: expect.stringContaining("'numTasks'") });
    expect(refused({ source: ['false'] })).toMatchObject({ code: 'ERR_UNKNOWN_OPTION' });
    expect(refused({ heartrate: 10, evictAfter: 20 })).toMatchObject({ code: 'ERR_OPTION', option: 'heartrate' });
    expect(refused(null)).toMatchObject({ code: 'ERR_OPTION' });
  });
});
