import type { BurstTerms } from '../domain/approval/burst.ts';
import type { StandIn } from '../domain/approval/circle.ts';
import type { OpeningRate } from '../domain/approval/openings.ts';
import type { ArchivePlace } from '../domain/log/archive-place.ts';
import type { OversightTerms } from '../domain/log/oversight.ts';
import type { Role } from '../domain/people/role.ts';
import type { QuietHours } from '../domain/policy/quiet.ts';
import type { Sandbox } from './confinement.ts';

/** `holdfast.yaml`, parsed and checked. Immutable. Holds upstream credentials, so it must never be printed. */
export interface Config {
  readonly servers: ReadonlyMap<string, ServerConfig>;
  readonly grants: readonly Grant[];
  readonly approvers: ReadonlyMap<string, ApproverGroup>;
  /** Who decides in a group in the place of another; absent: nobody. Those that were over when the file was read are left out. */
  readonly standIns?: readonly StandIn[];
  /** The humans that the file names, by name; null: it has no `people`. */
  readonly people: ReadonlyMap<string, Person> | null;
  /** How people sign in to the console; absent or null: by the admin token only. */
  readonly oidc?: OidcConfig | null;
  /** How agents come by access tokens; absent or null: by grants' own tokens only. */
  readonly oauth?: OAuthConfig | null;
  readonly slack: SlackConfig;
  readonly approval: ApprovalDefaults;
  /** When an approver is told of; absent: as the defaults say. */
  readonly oversight?: OversightTerms;
  /** Who may freeze and thaw: Slack user ids, or `admin` for the admin token. */
  readonly operators: readonly string[];
  /** What is kept of plainly allowed calls; absent or null: nothing. */
  readonly samples?: SampleSettings | null;
  /** What the log says of calls that people are asked about is written so that it can be erased; absent: it is not. */
  readonly erasable?: boolean;
  /** How long events stay in the database; absent or null: for ever. */
  readonly retention?: RetentionSettings | null;
  /** How long ended approvals stay, in ms; absent or null: for ever. */
  readonly approvalsRetainMs?: number | null;
  /** How often a grant may open an MCP session. */
  readonly sessionOpenings: OpeningRate;
  /** Processes that a grant may have of a stdio server, on each replica. */
  readonly sessionChildren: number;
  /** The names that `${NAME}` filled in. */
  readonly variables: ReadonlySet<string>;
  /** Settings that the file may contain; see settings.ts. */
  readonly file: FileSettings;
}

/** What is kept of plainly allowed calls, so that a changed policy can be tried on them. */
export interface SampleSettings {
  /** Different calls of one tool, of each server, on one day. */
  readonly perToolAndDay: number;
  readonly retainMs: number;
}

/** How long events stay in the database, and the place for segments of what leaves it; null: it is deleted for good. */
export interface RetentionSettings {
  readonly retainMs: number;
  readonly archive: ArchivePlace | null;
}

/** Which Slack workspace to use, and where in it cards go. */
export interface SlackConfig {
  readonly channel: string | null;
  /** The workspace whose people count; null: Slack is asked. */
  readonly team: string | null;
  /** The organisation on Enterprise Grid; null: Slack is asked. */
  readonly enterprise: string | null;
  /** The app's id, so that clicks on other apps' buttons are refused; null: only the signature is checked. */
  readonly app: string | null;
  /** Channels by server and by `server.tool`; the tool's takes precedence. */
  readonly channels: {
    readonly servers: Readonly<Record<string, string>>;
    readonly tools: Readonly<Record<string, string>>;
  };
  /** The channel that a card goes to while its own takes nothing; null: none. */
  readonly fallback: string | null;
  /**
   * Whether approvers get direct messages: not at all, beside the card in the channel, or instead of it where one
   * approver alone can decide.
   */
  readonly direct: 'off' | 'beside' | 'instead';
  /** When calls are told together; null: never. */
  readonly digest: BurstTerms | null;
}

/** An MCP server behind us. */
export interface ServerConfig {
  readonly name: string;
  readonly upstream: HttpUpstream | StdioUpstream;
  /** The policy file, resolved against the config file's folder. */
  readonly policyPath: string;
  /** Its policy is recorded and not enforced; absent: it is enforced. */
  readonly mode?: 'watch';
  /** What approvers are told about where its calls act, in the config's words; absent: nothing. */
  readonly environment?: string;
  readonly account?: string;
}

export interface HttpUpstream {
  readonly kind: 'http';
  readonly url: string;
  /** Lower-case names; values with `${VAR}` filled in. */
  readonly headers: Readonly<Record<string, string>>;
  /** HTTP statuses, from 400 to 599, by which it says that it has not run a request. Absent: none but 401. */
  readonly notRun?: readonly number[];
}

export interface StdioUpstream {
  readonly kind: 'stdio';
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Resolved against the config file's folder; null: where Holdfast runs, or where its confinement begins. */
  readonly cwd: string | null;
  /** The user that it runs as; null: the gateway's own. */
  readonly runAs: string | null;
  /** null: none. */
  readonly sandbox: Sandbox | null;
}

/** An agent's credential. The token itself is not stored. */
export interface Grant {
  readonly name: string;
  /** Lower-case hex; the newer one where the file lists two. No token has it where `tokenless`. */
  readonly tokenSha256: string;
  /** It has no token of its own: it is reached by `oauth.grants` only. Absent: it has one. */
  readonly tokenless?: boolean;
  /** The older token, still accepted while agents move to the newer one; null: there is none. */
  readonly retiringSha256: string | null;
  readonly servers: readonly string[];
  /** The owner's Slack id, or the login of a person without one; null where the file says `none`. */
  readonly owner: string | null;
  readonly selfApproval: boolean;
  /** Refused from this instant on; null: never. */
  readonly expires: Date | null;
}

/** The OpenID provider of the console's people. */
export interface OidcConfig {
  /** As the provider writes it in its tokens; exact. */
  readonly issuer: string;
  readonly clientId: string;
  /** Beside `openid`. */
  readonly scopes: readonly string[];
  /** With what a login under `people` is compared. */
  readonly match: 'sub' | 'email';
  /** After how many ms the provider is asked again whether somebody may still be signed in. */
  readonly recheckMs: number;
  /** Which values of which claim give which roles; null: roles are in `people` only. */
  readonly roles: { readonly claim: string; readonly map: ReadonlyMap<string, readonly Role[]> } | null;
}

/** The provider of agents' access tokens, and which of its accounts have which grant. */
export interface OAuthConfig {
  /** As the provider writes it in its tokens; exact. */
  readonly issuer: string;
  /** Accepted at every server; null: a token is for the address of one server. */
  readonly audience: string | null;
  /** With what a login under `people` is compared. */
  readonly match: 'sub' | 'email';
  /** All of them are needed. */
  readonly scopes: readonly string[];
  /** Milliseconds for which a token may be good. */
  readonly longestMs: number;
  /** The client as which the provider is asked whether a token is good still; absent or null: it is not asked. */
  readonly introspection?: {
    readonly clientId: string;
    /** Milliseconds after which it is asked again. */
    readonly recheckMs: number;
    /** Others than signed tokens are taken as well. */
    readonly opaque: boolean;
  } | null;
  /** The first that fits gives the grant. */
  readonly grants: readonly { readonly claim: string; readonly equals: string; readonly grant: string }[];
}

/** One human, with every way in which they come. */
export interface Person {
  readonly name: string;
  readonly slack: string | null;
  /** Their name at the console's sign-in, in lower case. */
  readonly login: string | null;
  /** The login as the file writes it. */
  readonly loginText?: string | null;
  /** Their account at the provider; null or absent: any that fits their login. */
  readonly subject?: string | null;
  /** Their account in agents' access tokens, exact; null or absent: as at the sign-in. */
  readonly oauthSubject?: string | null;
  readonly roles: ReadonlySet<Role>;
  /** Whether they hold the admin token. */
  readonly adminToken: boolean;
}

export interface ApproverGroup {
  /** Slack ids, and logins of people without one. */
  readonly people: readonly string[];
  readonly userGroups: readonly string[];
  readonly admin: boolean;
}

export interface ApprovalDefaults {
  /** Whether the file says that the holder of the admin token is a person of their own, none of the others. */
  readonly adminIsAnotherPerson: boolean;
  /** null: all groups. */
  readonly approvers: readonly string[] | null;
  readonly timeoutMs: number;
  /** How long an approved pass waits for its caller. */
  readonly pickupMs: number;
  /** How long a question stands after its caller's client gave up waiting. */
  readonly graceMs: number;
  /** How long a request is held open. */
  readonly hold: HoldDefaults;
  /** Pending approvals a grant may have. */
  readonly maxPending: number;
  /** How often a grant may open one. */
  readonly openings: OpeningRate;
  /** Bytes of requests and results that are kept for a grant. */
  readonly keptBytes: number;
  /** Bytes of a request that a person is asked about. */
  readonly maxBytes: number;
  /** Hours in which another group is asked; null or absent: none, but for those of a policy. */
  readonly quiet?: QuietHours | null;
}

export interface HoldDefaults {
  /** Without a progressToken. */
  readonly defaultMs: number;
  /** With a progressToken. */
  readonly progressMs: number;
  /** One leg of a call in protocol revision 2026-07-28. */
  readonly legMs: number;
  /** Between two signs of life on an answer that is held open. */
  readonly beatMs: number;
  /** By the name that a client gives itself, `*` for any characters; the first match counts. */
  readonly clients: readonly { readonly name: string; readonly ms: number }[];
}

/** How long clients wait that do not say so themselves. The file's own entries come first. */
const KNOWN_CLIENTS: HoldDefaults['clients'] = [
  // The Python SDK calls itself so; it keeps reading for 300 s after any byte.
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
  /** Addresses and networks, such as `10.0.0.0/8`. */
  readonly trustedProxies: readonly string[] | null;
  /** Further `Host` values under which agents reach the gateway, such as `holdfast:8787`. */
  readonly agentHosts?: readonly string[] | null;
  /** A folder with secrets in files of their variables' names. */
  readonly secrets?: string | null;
}

export const APPROVAL_DEFAULTS: ApprovalDefaults = {
  adminIsAnotherPerson: false,
  approvers: null,
  timeoutMs: 30 * 60_000,
  pickupMs: 60 * 60_000,
  graceMs: 2 * 60_000,
  hold: { defaultMs: 50_000, progressMs: 60 * 60_000, legMs: 45_000, beatMs: 15_000, clients: KNOWN_CLIENTS },
  maxPending: 20,
  openings: { max: 30, per: 'minute' },
  keptBytes: 64 * 1024 * 1024,
  maxBytes: 2 * 1024 * 1024,
};

/**
 * How often a grant may open an MCP session, over all of its servers. The official conformance suites open more than 60
 * within seconds, and some clients one for each call.
 */
export const SESSION_OPENINGS: OpeningRate = { max: 120, per: 'minute' };

/** Children that a grant may have of a stdio server, unless the file says otherwise. */
export const SESSION_CHILDREN = 16;

/** Who may freeze and thaw where the file does not say. */
export const DEFAULT_OPERATORS: readonly string[] = ['admin'];
