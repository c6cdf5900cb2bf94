/**
 * The shape of every message, checked where it comes in, so that no role meets a value of the wrong type.
 *
 * Only types and bounds are checked here; whether a message is allowed now is the business of the role. What a role would not read
 * (function arguments, request parameters, results of queries) passes as plain data.
 */
import { MillraceError } from '../base/errors.ts';
import type { Message } from './messages.ts';
import {
  array,
  binaryOrText,
  bool,
  type Check,
  count,
  finite,
  none,
  nullable,
  oneOf,
  plain,
  ranges,
  record,
  text,
  tuple,
  whole,
} from './shapes.ts';
import { wireResult, wireTask } from './task-shape.ts';

const byGrant = array(tuple(whole, ranges));

const receipt = plain({ first: whole, submittedAt: finite, count, duplicates: array(tuple(count, whole)), rejected: count });
const wireError = plain({ code: text, message: text, details: record(none), cause: nullable(text) });
const server = plain(
  { id: text, host: text, epoch: whole, salt: text, heartrate: finite, evictAfter: finite },
  { noConfirm: bool, limits: array(tuple(text, count)) },
);

/** One check for all items after the tag. */
const shapes: Readonly<Record<Message[0], Check>> = {
  welcome: tuple(none, server),
  heartbeat: tuple(none),
  end: tuple(none, oneOf('complete', 'stopped', 'failed', 'elsewhere')),
  bye: tuple(none),
  resume: tuple(none, byGrant),
  resumed: tuple(none, byGrant),
  want: tuple(none, whole, count, count),
  work: tuple(none, whole, count, array(tuple(whole, finite, wireTask))),
  started: tuple(none, whole, ranges),
  results: tuple(none, whole, array(tuple(whole, array(wireResult)))),
  progress: tuple(none, array(tuple(whole, array(tuple(whole, binaryOrText))))),
  ack: tuple(none, whole),
  recall: tuple(none, count),
  back: tuple(none, byGrant),
  cancel: tuple(none, byGrant),
  drain: tuple(none),
  submit: tuple(none, text, whole, array(wireTask), bool),
  submitted: tuple(none, text, whole, receipt),
  'submitter-done': tuple(none, text),
  'submitter-open': tuple(none, text),
  '?': tuple(none, whole, text, none),
  '=': tuple(none, whole, none),
  '!': tuple(none, whole, wireError),
  event: tuple(none, text, none),
};

/** Every tag of the protocol. */
export const messageTags: readonly Message[0][] = Object.keys(shapes) as Message[0][];

/** The value as a message, or `ERR_PROTOCOL`. */
export function checkMessage(value: unknown): Message {
  const tag: unknown = Array.isArray(value) ? value[0] : undefined;
  if (typeof tag !== 'string' || !Object.hasOwn(shapes, tag)) throw new MillraceError('ERR_PROTOCOL', 'a message without a known tag');
  if (!shapes[tag as Message[0]](value)) throw new MillraceError('ERR_PROTOCOL', `a message '${tag}' of a wrong shape`);
  return value as Message;
}
