import type { Call, Principal } from '../../domain/call/call.ts';
import type { InexactValues } from '../../domain/call/inexact.ts';
import type { PathRoot } from '../../domain/policy/path.ts';
import type { Policy } from '../../domain/policy/policy.ts';

/** A server of the config, without its address and credentials. */
export interface ServerView {
  readonly name: string;
  readonly kind: 'http' | 'stdio';
  /** As counters with `shared: upstream` name it; holds no address. */
  readonly upstream: string;
  readonly policy: Policy | null;
  /** Whether a command has a user or a sandbox of its own; null: it is reached by URL. */
  readonly confined: boolean | null;
  /** When its own list of tools last passed through this process; null: not since the process started. */
  readonly listedAt: Date | null;
  /** Where its calls act, in the config's words; null: it does not say. */
  readonly environment: string | null;
  readonly account: string | null;
}

/** A grant of the config. */
export interface GrantView {
  readonly name: string;
  readonly owner: string | null;
  readonly servers: readonly string[];
  readonly expires: Date | null;
  readonly selfApproval: boolean;
  /** Lower-case hex; shown nowhere. A revocation names the token by it. */
  readonly tokenSha256: string;
  /** The same of the previous token while both are accepted; null: there is only one. */
  readonly retiringSha256: string | null;
}

/** A call that is not made, and its parts as JSON texts. */
export interface WrittenCall {
  readonly principal: Principal;
  readonly server: string;
  readonly tool: string;
  readonly texts: Readonly<Record<PathRoot, string>>;
}

/** What was made of it, or which of its parts cannot be read, and why. */
export type ImaginedCall =
  | { readonly ok: true; readonly call: Call; readonly inexact: InexactValues }
  | { readonly ok: false; readonly part: PathRoot; readonly fault: string };

/** What the console may see of the config, always as of now: a reload shows at once. */
export interface ConfigView {
  servers(): readonly ServerView[];
  grants(): readonly GrantView[];
  /** What the server itself said of a tool when its list last passed through this process; null: nothing did. */
  describe(server: string, tool: string): string | null;
  /** The call that an agent would make of these parts, read as `policy explain` reads them. */
  imagine(written: WrittenCall): ImaginedCall;
}
