import { availableParallelism, totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { parseClientOptions } from '../../src/config/client.ts';
import type { ClientOptions } from '../../src/config/client-options.ts';
import { refusal } from './refusals.ts';

describe('the options of a client', () => {
  it('have the documented defaults, in milliseconds and bytes', () => {
    expect(parseClientOptions().config).toEqual({
      address: { host: 'localhost', port: 50001 },
      auth: null,
      tls: null,
      numTasks: 1,
      bundlesize: 100,
      bundlewait: 50,
      prefetch: 1_000,
      template: '{}',
      capture: 'result',
      captureLimit: 1_048_576,
      outputLimit: null,
      valueLimit: 8_388_608,
      outputPath: null,
      errorsPath: null,
      outputToHost: false,
      errorsToHost: false,
      monitor: null,
      resourceLimits: null,
      walltime: null,
      cores: availableParallelism(),
      memory: totalmem(),
      resources: {},
      delayStart: 0,
      clientTimeout: null,
      connectTimeout: 30_000,
      reconnectTimeout: 600_000,
      taskTimeout: null,
      taskSignalwait: 10_000,
      heartrate: null,
      ratelimit: null,
      noConfirm: false,
      tags: {},
    });
  });

  it('count the cores for numTasks 0', () => {
    expect(parseClientOptions({ numTasks: 0 }).config.numTasks).toBe(availableParallelism());
    expect(parseClientOptions({ numTasks: 16 }).config.numTasks).toBe(16);
  });

  it('keep a negative delayStart, which is a random delay up to it', () => {
    expect(parseClientOptions({ delayStart: '-1m' }).config.delayStart).toBe(-60_000);
  });

  it('can cross to a thread, and are frozen to their depth', () => {
    const { config } = parseClientOptions({ resources: { gpu: 1 }, tags: { site: 'north', rack: 7 }, memory: '1G' });
    expect(structuredClone(config)).toEqual(config);
    expect(config).toMatchObject({ resources: { gpu: 1 }, tags: { site: 'north', rack: 7 }, memory: 1024 ** 3 });
    expect(Object.isFrozen(config.resources) && Object.isFrozen(config.tags)).toBe(true);
  });

  it('are refused with the option named', () => {
    const wrong: [unknown, string, string][] = [
      [{ numTasks: -1 }, 'ERR_OPTION', 'numTasks'],
      [{ numTasks: '4' }, 'ERR_OPTION', 'numTasks'],
      [{ address: 'localhost:0' }, 'ERR_ADDRESS', 'address'],
      [{ capture: true }, 'ERR_OPTION', 'capture'],
      [{ capture: 'file' }, 'ERR_OPTION', 'capture'],
      [{ captureLimit: -1 }, 'ERR_SIZE', 'captureLimit'],
      [{ captureLimit: '8MB' }, 'ERR_SIZE', 'captureLimit'],
      [{ clientTimeout: -5 }, 'ERR_DURATION', 'clientTimeout'],
      [{ taskSignalwait: 'a while' }, 'ERR_DURATION', 'taskSignalwait'],
      [{ heartrate: 0 }, 'ERR_OPTION', 'heartrate'],
      [{ ratelimit: 0 }, 'ERR_OPTION', 'ratelimit'],
      [{ resources: { gpu: 'one' } }, 'ERR_OPTION', 'resources'],
      [{ tags: { 'no blanks': 1 } }, 'ERR_TAG', 'tags'],
      [{ template: '' }, 'ERR_OPTION', 'template'],
      [{ numThreads: 4 }, 'ERR_UNKNOWN_OPTION', 'numThreads'],
      [{ walltime: -5 }, 'ERR_DURATION', 'walltime'],
      [{ walltime: 20 }, 'ERR_OPTION', 'walltime'],
      [{ walltime: 40, taskTimeout: 20 }, 'ERR_OPTION', 'taskTimeout'],
      [{ walltime: 40, delayStart: -20 }, 'ERR_OPTION', 'delayStart'],
      [{ monitor: { interval: 'soon' } }, 'ERR_DURATION', 'monitor.interval'],
      [{ monitor: { interval: 0.01 } }, 'ERR_OPTION', 'monitor.interval'],
      [{ monitor: 1 }, 'ERR_OPTION', 'monitor'],
      [{ monitor: { serie: true } }, 'ERR_UNKNOWN_OPTION', 'monitor.serie'],
    ];
    for (const [options, code, option] of wrong)
      expect(
        refusal(() => parseClientOptions(options as ClientOptions)),
        option,
      ).toMatchObject({ code, option });
  });
});

it('a client is told of one server, or of several that share a queue', () => {
  const of = (address: unknown): unknown => {
    const { config } = parseClientOptions({ address } as ClientOptions);
    return [config.address, config.others];
  };
  const [one, two] = [
    { host: 'one', port: 1 },
    { host: 'two', port: 2 },
  ];
  expect(of(['one', 1])).toEqual([one, undefined]);
  expect(of(['one:1'])).toEqual([one, undefined]);
  expect(of(['one:1', { host: 'two', port: 2 }])).toEqual([one, [two]]);
  expect(of([['one', 1], ['two', 2], { path: '/tmp/s' }])).toEqual([one, [two, { path: '/tmp/s' }]]);
  for (const address of [[], ['one:1', 'two:0'], ['one:1', 7], ['one', 'two']])
    expect(() => of(address)).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS' }));
});
