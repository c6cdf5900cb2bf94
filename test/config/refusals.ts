/** What a parser of options says to a wrong value: code, message and the option named in its details. */
import { MillraceError } from '../../src/base/errors.ts';

export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly option: unknown;
}

/** Runs a parser that must refuse. */
export function refusal(parse: () => unknown): Refusal {
  try {
    parse();
  } catch (error) {
    if (error instanceof MillraceError) return { code: error.code, message: error.message, option: error.details.option };
    throw error;
  }
  throw new Error('it was accepted');
}
