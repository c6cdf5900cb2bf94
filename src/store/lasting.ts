/** Which failures of a store pass, so that the same commit is tried again, and which never do, so that its user ends. */
import type { MillraceError } from '../base/errors.ts';

/** Trying again cannot help: the file is damaged, another holds it, the store is closed. An error that does not say so may pass. */
export function isLasting({ code, details }: MillraceError): boolean {
  return details.lasting === true || code === 'ERR_ENDED';
}
