/** Types of `guard-verdict.mjs`, for its test. */
export interface Run {
  readonly tasks: number;
  readonly ms: number;
  readonly processor: number;
}

export interface Ratios {
  readonly cost: number;
  readonly rate: number;
}

export interface Line {
  readonly measure: string;
  readonly what: string;
  readonly value?: number;
  readonly recorded?: number;
  readonly limit?: number;
  readonly holds: boolean;
}

export function ratios(runs: { readonly ours: readonly Run[]; readonly rival: readonly Run[] }): Ratios;
export const mostCost: { readonly ofThisRun: number; readonly ofARecord: number };
export function judge(name: string, now: Ratios, recorded: Ratios | undefined, most: number): Line[];
