/** Types of `results.mjs`, for tests. */
interface Line {
  readonly benchmark: string;
  readonly case?: string;
}

export function results(): readonly Line[];
export function merged<L extends Line>(all: readonly L[], lines: readonly L[]): L[];
