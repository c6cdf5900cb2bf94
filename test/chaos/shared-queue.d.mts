export interface SharedRun {
  readonly submitted: number;
  readonly outcomes: { readonly state: number; readonly outcome: number; readonly count: number }[];
  readonly recorded: number;
  readonly distinct: number;
  readonly epochs: number;
  readonly retried: number;
  readonly seconds: number;
}

export function runShared(options: {
  tasks: number;
  servers?: number;
  clients?: number;
  signal: 'SIGINT' | 'SIGKILL';
  say?: (text: string) => void;
}): Promise<SharedRun>;
