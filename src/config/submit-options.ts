/** What a submission can be told, as people write it (`SubmitOptions`) and as the submitter gets it (`SubmitConfig`: ms, bytes). */
import type { Duration, Size, Tags, TaskAttributes } from '../task/task.ts';
import type {
  Addresses,
  BundleOptions,
  ComponentHooks,
  ComponentOptions,
  ParsedAddress,
  SecurityOptions,
  TlsConfig,
} from './shared-options.ts';

/** Options of a submission. An unknown one is refused (ERR_UNKNOWN_OPTION), a wrong value too (ERR_OPTION, ERR_DURATION, ERR_SIZE, ERR_ADDRESS). */
export interface SubmitOptions extends SecurityOptions, ComponentOptions, BundleOptions {
  /** The server to submit to, or all that share its queue. Default `'localhost:50001'`. Not with `database`, and not where a handle already has its server. */
  address?: Addresses;
  /** The database to submit into, with no server or through the one that holds it. Not with `address`. */
  database?: string;
  /** What is made of each line before it is stored: all but `{slot}` and `{% … %}`, which need a client. Default `'{}'`: the line itself. Errors: ERR_TEMPLATE. */
  template?: string;
  /** For tasks that name none themselves: phase, 0 or more. Default 0. */
  group?: number;
  /** For tasks that name none themselves: cores. Default: not counted. */
  cores?: number;
  /** For tasks that name none themselves: memory. Default: not counted. */
  memory?: Size;
  /** For tasks that name none themselves: longest run. Default: no limit. */
  timeout?: Duration;
  /** Added to every task; a task's own tag of the same name wins. Default: none. */
  tags?: Tags;
  /** For tasks that name none themselves: higher runs first within its group. Default 0. */
  priority?: number;
  /** For tasks that name none themselves: further attempts after a failure. Default: the server's. */
  maxRetries?: number;
  /** `'content'`: give each task without a key one made of its command, input and place among its equals, so that submitting the same source again adds nothing. */
  key?: 'content';
  /** A malformed task ends the submission with its error; what came before stays. Default false: it is recorded as `rejected`. */
  strict?: boolean;
}

/** Where a submission goes; null: to the server of the handle it is made on. */
export type SubmitTarget =
  | {
      readonly kind: 'server';
      readonly address: ParsedAddress;
      /** Further servers of the same queue. */
      readonly others?: readonly ParsedAddress[];
      readonly auth: string | null;
      readonly tls: TlsConfig | null;
    }
  | { readonly kind: 'database'; readonly database: string; readonly auth: string | null; readonly tls: TlsConfig | null };

/** The checked options of a submission: plain, frozen, cloneable; ms and bytes; null = not set. */
export interface SubmitConfig {
  readonly target: SubmitTarget | null;
  readonly bundlesize: number;
  readonly bundlewait: number;
  readonly template: string;
  /** Defaults of every task of the submission; null: none is set. */
  readonly attributes: TaskAttributes | null;
  readonly contentKeys: boolean;
  readonly strict: boolean;
}

/** What of a submission's options stays in the host. */
export type SubmitHooks = ComponentHooks;
