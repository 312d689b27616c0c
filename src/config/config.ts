/** `holdfast.yaml`, parsed and checked. Immutable; holds upstream credentials, so it is never printed. */
export interface Config {
  readonly servers: ReadonlyMap<string, ServerConfig>;
  readonly grants: readonly Grant[];
  readonly approvers: ReadonlyMap<string, ApproverGroup>;
  readonly slack: SlackConfig;
  readonly approval: ApprovalDefaults;
  /** Settings that may also stand in the file; see settings.ts. */
  readonly file: FileSettings;
}

/** Which Slack, and where in it cards go. */
export interface SlackConfig {
  readonly channel: string | null;
  /** The workspace whose people count; null: asked of Slack. */
  readonly team: string | null;
  /** The organisation on Enterprise Grid; null: asked of Slack. */
  readonly enterprise: string | null;
  /** The app's id: clicks on other apps' buttons are refused; null: the signature alone tells. */
  readonly app: string | null;
  /** Channels of their own, by server and by `server.tool`; the tool's goes first. */
  readonly channels: {
    readonly servers: Readonly<Record<string, string>>;
    readonly tools: Readonly<Record<string, string>>;
  };
  /** Whether approvers are written to directly: not, beside the channel, or instead of it where one alone can decide. */
  readonly direct: 'off' | 'beside' | 'instead';
}

/** An MCP server behind us. */
export interface ServerConfig {
  readonly name: string;
  readonly upstream: HttpUpstream | StdioUpstream;
  /** The policy file, resolved against the config file's folder. */
  readonly policyPath: string;
}

export interface HttpUpstream {
  readonly kind: 'http';
  readonly url: string;
  /** Lower-case names; values with `${VAR}` filled in. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface StdioUpstream {
  readonly kind: 'stdio';
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Resolved against the config file's folder; null: where Holdfast runs. */
  readonly cwd: string | null;
}

/** An agent's credential. The token itself is nowhere. */
export interface Grant {
  readonly name: string;
  /** Lower-case hex; the newest where the file lists two. */
  readonly tokenSha256: string;
  /** The token before it, still taken while its agents move to the new one; null: there is none. */
  readonly retiringSha256: string | null;
  readonly servers: readonly string[];
  /** A Slack id; null where the file says `none`. */
  readonly owner: string | null;
  readonly selfApproval: boolean;
  /** Refused from this instant on; null: never. */
  readonly expires: Date | null;
}

export interface ApproverGroup {
  readonly people: readonly string[];
  readonly userGroups: readonly string[];
  readonly admin: boolean;
}

export interface ApprovalDefaults {
  /** null: all groups. */
  readonly approvers: readonly string[] | null;
  readonly timeoutMs: number;
  /** How long an approved pass waits for its caller. */
  readonly pickupMs: number;
  /** How long a request stays open: without a progressToken, and with one. */
  readonly hold: HoldDefaults;
  /** Pending approvals a grant may have. */
  readonly maxPending: number;
}

export interface HoldDefaults {
  readonly defaultMs: number;
  readonly progressMs: number;
  /** One leg of a call of 2026-07-28. */
  readonly legMs: number;
  /** Between two signs of life on an answer that is kept open. */
  readonly beatMs: number;
  /** By the name a client gives itself, `*` for any characters; the first that matches counts. */
  readonly clients: readonly { readonly name: string; readonly ms: number }[];
}

/** What is known of clients that say nothing of their patience; the file's own entries come first. */
const KNOWN_CLIENTS: HoldDefaults['clients'] = [
  // The Python SDK's own name: it reads on for 300 s after any byte.
  { name: 'mcp', ms: 280_000 },
  { name: 'codex*', ms: 280_000 },
  { name: 'cursor*', ms: 50_000 },
];

export interface FileSettings {
  readonly listen: string | null;
  readonly publicUrl: string | null;
  readonly data: string | null;
  /** Bytes. */
  readonly maxBody: number | null;
}

export const APPROVAL_DEFAULTS: ApprovalDefaults = {
  approvers: null,
  timeoutMs: 30 * 60_000,
  pickupMs: 60 * 60_000,
  hold: { defaultMs: 50_000, progressMs: 60 * 60_000, legMs: 45_000, beatMs: 15_000, clients: KNOWN_CLIENTS },
  maxPending: 20,
};
