/**
 * Which versions of the protocol this side speaks, and how two sides agree on one.
 *
 * A version is a whole number. It changes when a message changes so that an older side would misread it; a new tag or a
 * new optional field does not need a new one, since both sides know each other's version before the first message.
 */
import { MillraceError } from '../base/errors.ts';

export interface VersionRange {
  readonly min: number;
  readonly max: number;
}

/** What this build speaks. */
export const protocolVersions: VersionRange = { min: 1, max: 1 };

/** The highest version that both speak; null when the ranges do not meet. */
export function chooseVersion(ours: VersionRange, theirs: VersionRange): number | null {
  const version = Math.min(ours.max, theirs.max);
  return version >= Math.max(ours.min, theirs.min) ? version : null;
}

const range = ({ min, max }: VersionRange): string => (min === max ? `version ${min}` : `versions ${min} to ${max}`);

/** `ERR_VERSION` with both ranges in message and details. */
export function versionError(ours: VersionRange, theirs: VersionRange): MillraceError {
  const older = theirs.max < ours.min ? 'the other side' : 'this side';
  return new MillraceError(
    'ERR_VERSION',
    `this side speaks protocol ${range(ours)}, the other side ${range(theirs)}: update millrace on ${older}`,
    { details: { ours: [ours.min, ours.max], theirs: [theirs.min, theirs.max] } },
  );
}
