/** Types of `results.mjs`, for its test. */
interface Line {
  readonly benchmark: string;
  readonly case?: string;
}

export function merged<L extends Line>(all: readonly L[], lines: readonly L[]): L[];
