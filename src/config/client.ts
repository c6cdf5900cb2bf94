/** Checks the options of a client, in the host, before its thread starts. */
import { availableParallelism, totalmem } from 'node:os';
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import { Template } from '../task/template.ts';
import type { ClientConfig, ClientHooks, ClientOptions } from './client-options.ts';
import { defaultAddress, defaults, mostBundlesize, walltimeMargin } from './defaults.ts';
import * as field from './fields.ts';
import { componentHooks, parsed, readOptions } from './read.ts';
import * as security from './security-fields.ts';
import type { Parsed } from './shared-options.ts';

const schema = z.strictObject({
  address: field.addresses().optional(),
  auth: security.authKey().optional(),
  tls: security.tls('others').optional(),
  numTasks: field.whole(0, 65_536).optional(),
  bundlesize: field.whole(1, mostBundlesize).optional(),
  bundlewait: field.duration('bundlewait').optional(),
  prefetch: field.duration('prefetch').optional(),
  template: field.template((source) => new Template(source)).optional(),
  capture: field.capture().optional(),
  valueLimit: field.size('valueLimit', { mostMiB: 14 }).optional(),
  redirectOutput: field.redirect().optional(),
  redirectErrors: field.redirect().optional(),
  // No union: its error would not say which part of the object is wrong.
  monitor: z
    .preprocess(
      (value) => (value === true ? {} : value === false ? null : value),
      z
        .strictObject(
          { interval: field.duration('monitor.interval', { least: 50 }).optional(), series: field.flag().optional() },
          { error: (issue) => (issue.code === 'invalid_type' ? 'true, false or an object such as { interval: 1 }' : undefined) },
        )
        .nullable(),
    )
    .optional(),
  resourceLimits: z
    .strictObject({
      maxOldGenerationSizeMb: field.positive().optional(),
      maxYoungGenerationSizeMb: field.positive().optional(),
      codeRangeSizeMb: field.positive().optional(),
      stackSizeMb: field.positive().optional(),
    })
    .optional(),
  walltime: field.duration('walltime', { least: 1 }).optional(),
  // Both streams of a result travel in one frame of 16 MiB.
  captureLimit: field.size('captureLimit', { mostMiB: 7 }).optional(),
  outputLimit: field.size('outputLimit').optional(),
  cores: field.positive().optional(),
  memory: field.size('memory').optional(),
  resources: field.taskField('resources').optional(),
  delayStart: field.duration('delayStart', { negative: true }).optional(),
  clientTimeout: field.duration('clientTimeout', { least: 1 }).optional(),
  connectTimeout: field.duration('connectTimeout', { least: 1 }).optional(),
  reconnectTimeout: field.duration('reconnectTimeout').optional(),
  taskTimeout: field.duration('taskTimeout', { least: 1 }).optional(),
  taskSignalwait: field.duration('taskSignalwait').optional(),
  heartrate: field.duration('heartrate', { least: 1 }).optional(),
  ratelimit: field.positive().optional(),
  noConfirm: field.flag().optional(),
  tags: field.tags().optional(),
  logger: field.logger().optional(),
  signal: field.signal().optional(),
});

/** Every name that a client's options may have. */
export const clientOptionNames: readonly string[] = Object.keys(schema.shape);

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION, ERR_SIZE, ERR_ADDRESS, ERR_AUTH_WEAK, ERR_TAG, ERR_TEMPLATE */
export function parseClientOptions(options?: ClientOptions): Parsed<ClientConfig, ClientHooks> {
  const given = readOptions(schema, options, 'a client');
  const { redirectOutput = null, redirectErrors = null, monitor = null, resourceLimits } = given;
  const config: ClientConfig = {
    ...(given.address ?? { address: defaultAddress }),
    auth: given.auth ?? null,
    tls: given.tls ?? null,
    numTasks: (given.numTasks ?? defaults.numTasks) || availableParallelism(),
    bundlesize: given.bundlesize ?? defaults.bundlesize,
    bundlewait: given.bundlewait ?? defaults.bundlewait,
    prefetch: given.prefetch ?? defaults.prefetch,
    template: given.template ?? defaults.template,
    capture: typeof given.capture === 'function' ? 'lines' : (given.capture ?? 'result'),
    captureLimit: given.captureLimit ?? defaults.captureLimit,
    outputLimit: given.outputLimit ?? null,
    valueLimit: given.valueLimit ?? defaults.valueLimit,
    outputPath: typeof redirectOutput === 'string' ? redirectOutput : null,
    errorsPath: typeof redirectErrors === 'string' ? redirectErrors : null,
    outputToHost: redirectOutput !== null && typeof redirectOutput !== 'string',
    errorsToHost: redirectErrors !== null && typeof redirectErrors !== 'string',
    monitor: monitor === null ? null : { interval: defaults.monitorInterval, series: true, ...setFields(monitor) },
    resourceLimits: resourceLimits === undefined ? null : setFields(resourceLimits),
    walltime: given.walltime ?? null,
    cores: given.cores ?? availableParallelism(),
    memory: given.memory ?? totalmem(),
    resources: given.resources ?? {},
    delayStart: given.delayStart ?? 0,
    clientTimeout: given.clientTimeout ?? null,
    connectTimeout: given.connectTimeout ?? defaults.connectTimeout,
    reconnectTimeout: given.reconnectTimeout ?? defaults.reconnectTimeout,
    taskTimeout: given.taskTimeout ?? null,
    taskSignalwait: given.taskSignalwait ?? defaults.taskSignalwait,
    heartrate: given.heartrate ?? null,
    ratelimit: given.ratelimit ?? null,
    noConfirm: given.noConfirm ?? false,
    tags: given.tags ?? {},
  };
  checkWalltime(config);
  return parsed(config, {
    ...componentHooks(given),
    onLine: typeof given.capture === 'function' ? given.capture : null,
    redirectOutput: typeof redirectOutput === 'string' ? null : redirectOutput,
    redirectErrors: typeof redirectErrors === 'string' ? null : redirectErrors,
  });
}

/** A client that could never run anything is refused here rather than found idle. */
function checkWalltime({ walltime, taskSignalwait, taskTimeout, delayStart }: ClientConfig): void {
  if (walltime === null) return;
  const least = 2 * taskSignalwait + walltimeMargin;
  const refuse = (option: string, must: string): never => {
    throw new MillraceError('ERR_OPTION', `${option} must be ${must}`, { details: { option } });
  };
  if (walltime <= least)
    refuse(
      'walltime',
      `longer than ${least / 1000} s: what runs at its end gets INT, TERM and KILL, taskSignalwait (${taskSignalwait / 1000} s) apart`,
    );
  if (taskTimeout !== null && taskTimeout > walltime - least)
    refuse('taskTimeout', `at most ${(walltime - least) / 1000} s: with a walltime of ${walltime / 1000} s no longer task could begin`);
  if (Math.abs(delayStart) >= walltime - least)
    refuse(
      'delayStart',
      `less than ${(walltime - least) / 1000} s: a walltime of ${walltime / 1000} s counts from the start, and would be over`,
    );
}

/** Without the fields that are not set. */
function setFields<T extends object>(fields: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]: Exclude<T[Name], undefined>;
  };
}
