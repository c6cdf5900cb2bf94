/** Types of `summary.mjs`, for its test. */
export function withSummary(text: string, rows: readonly unknown[]): string;
