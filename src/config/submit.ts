/** Checks the options of a submission, in the host, before its thread starts or its first task is read. */
import { z } from 'zod';
import { MillraceError } from '../base/errors.ts';
import type { TaskAttributes } from '../task/task.ts';
import { submissionTemplate } from '../task/template.ts';
import { defaultAddress, defaults, mostBundlesize } from './defaults.ts';
import * as field from './fields.ts';
import { componentHooks, parsed, readOptions, wrongOption } from './read.ts';
import * as security from './security-fields.ts';
import type { Parsed } from './shared-options.ts';
import type { SubmitConfig, SubmitHooks, SubmitOptions, SubmitTarget } from './submit-options.ts';

const schema = z.strictObject({
  address: field.addresses().optional(),
  database: field.database().optional(),
  auth: security.authKey().optional(),
  tls: security.tls('others').optional(),
  bundlesize: field.whole(1, mostBundlesize).optional(),
  bundlewait: field.duration('bundlewait').optional(),
  template: field.template(submissionTemplate).optional(),
  group: field.taskField('group').optional(),
  cores: field.taskField('cores').optional(),
  memory: field.taskField('memory').optional(),
  timeout: field.taskField('timeout').optional(),
  tags: field.tags().optional(),
  priority: field.taskField('priority').optional(),
  maxRetries: field.taskField('maxRetries').optional(),
  key: field.oneOf(['content']).optional(),
  strict: field.flag().optional(),
  logger: field.logger().optional(),
  signal: field.signal().optional(),
});

type Given = z.infer<typeof schema>;

/** The options of a submission that finds its own way. @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_DURATION, ERR_SIZE, ERR_ADDRESS, ERR_AUTH_WEAK, ERR_TAG, ERR_TEMPLATE */
export function parseSubmitOptions(options?: SubmitOptions): Parsed<SubmitConfig, SubmitHooks> {
  const given = readOptions(schema, options, 'a submission');
  return parsed(submitConfig(given, target(given)), componentHooks(given));
}

/** The options of a submission on a handle, which has its server: `address`, `database`, `auth` and `tls` are refused. @throws as `parseSubmitOptions` */
export function parseHandleSubmitOptions(options?: SubmitOptions): Parsed<SubmitConfig, SubmitHooks> {
  const given = readOptions(schema, options, 'a submission');
  for (const name of ['address', 'database', 'auth', 'tls'] as const) {
    if (given[name] !== undefined)
      throw new MillraceError(
        'ERR_OPTION',
        `${name} is not for a submission on a handle, which has its server; use submitFrom(source, { ${name} })`,
        {
          details: { option: name },
        },
      );
  }
  return parsed(submitConfig(given, null), componentHooks(given));
}

function target(given: Given): SubmitTarget {
  const security = { auth: given.auth ?? null, tls: given.tls ?? null };
  if (given.database === undefined) return { kind: 'server', ...(given.address ?? { address: defaultAddress }), ...security };
  if (given.address !== undefined) throw wrongOption('address', 'left out with database: a submission goes to one of them', given.address);
  if (given.database === null) throw wrongOption('database', 'a file: nobody else sees tasks in the memory of a submission', 'memory:');
  return { kind: 'database', database: given.database, ...security };
}

function submitConfig(given: Given, to: SubmitTarget | null): SubmitConfig {
  const attributes: TaskAttributes = {};
  if (given.group !== undefined) attributes.group = given.group;
  if (given.cores !== undefined) attributes.cores = given.cores;
  if (given.memory !== undefined) attributes.memory = given.memory;
  if (given.timeout !== undefined) attributes.timeout = given.timeout;
  if (given.tags !== undefined) attributes.tags = given.tags;
  if (given.priority !== undefined) attributes.priority = given.priority;
  if (given.maxRetries !== undefined) attributes.maxRetries = given.maxRetries;
  return {
    target: to,
    bundlesize: given.bundlesize ?? defaults.bundlesize,
    bundlewait: given.bundlewait ?? defaults.bundlewait,
    template: given.template ?? defaults.template,
    attributes: Object.keys(attributes).length > 0 ? attributes : null,
    contentKeys: given.key === 'content',
    strict: given.strict ?? false,
  };
}
