import type { Approval, Requirement } from '../domain/approval/approval.ts';
import type { ArgumentFault } from '../domain/approval/argument-fault.ts';
import type { BurstTerms } from '../domain/approval/burst.ts';
import type { CurrentApprovers, Persons } from '../domain/approval/current.ts';
import type { Principal } from '../domain/call/call.ts';
import type { FreezeScope } from '../domain/freeze/freeze.ts';
import type { Json, JsonObject } from '../domain/json/json.ts';
import type { ArchivePlace } from '../domain/log/archive-place.ts';
import type { OversightTerms } from '../domain/log/oversight.ts';
import type { WordedBound } from '../domain/policy/allowance-rule.ts';
import type { WantedMemory } from '../domain/policy/places.ts';
import type { Policy } from '../domain/policy/policy.ts';
import type { Ask } from '../domain/policy/verdict.ts';
import type { GrantRoom } from '../ports.ts';

/** The current config and policies. A reload swaps what is behind this; a parked call keeps what was frozen with it. */
export interface Rules {
  /** null: no such server, or no longer. */
  policy(server: string): Policy | null;
  /** A name of the server's upstream, the same for every server that leads there; its own name when it is unknown. */
  upstream(server: string): string;
  /** What some policy, of this server or another, wants remembered of calls of this tool; empty for nearly all. */
  wanted(server: string, tool: string): readonly WantedMemory[];
  /** The same of all calls that begin at this server, whatever their tools are. */
  wantedAt(server: string): readonly WantedMemory[];
  /** The names of all servers that lead to the same upstream as this one, its own among them. */
  alike(server: string): readonly string[];
  /** The approvers that an ask names at this time, to be frozen into the approval. */
  requirement(ask: Ask, at: Date): Requirement;
  /** Who may decide this approval by the configuration as it is now. */
  approvers(approval: Pick<Approval, 'grant' | 'requirement' | 'server' | 'tool'>): CurrentApprovers;
  /** The humans that the configuration knows now. */
  persons(): Persons;
  /**
   * The principal of this name while it may call this server; null once its grant is revoked, expired or unbound from it,
   * or given to no account any more. `owner`: whose a call was when it was opened; where the principal came with an access
   * token, its account must still be that person's. undefined: no call is asked about.
   */
  principal(grant: string, server: string, owner?: string | null): Principal | null;
  readonly approval: ApprovalTerms;
  /** When an approver is told of; absent: as the defaults say. */
  readonly oversight?: OversightTerms;
  /** What is kept of plainly allowed calls; null or absent: nothing. */
  readonly samples?: SampleTerms | null;
  /** What the log says of calls that people are asked about can be erased; absent: it cannot. */
  readonly erasable?: boolean;
  /** How long events stay in the database; null or absent: for ever. */
  readonly retention?: RetentionTerms | null;
  /** How long ended approvals stay, in ms; null or absent: for ever. */
  readonly approvalsRetainMs?: number | null;
  /** When calls are told together in Slack; null or absent: each has a card of its own. */
  readonly digest?: BurstTerms | null;
  /** SHA-256, in hex, of the current token of the principal's grant; null when there is no such grant. */
  token(grant: string): string | null;
  /** Whether this person (a Slack user id, or `admin`) may freeze and thaw. */
  isOperator(person: string): boolean;
  /** Whether the config has the server or grant that this scope names. */
  knows(scope: FreezeScope): boolean;
  /** A digest of how the tool looks in the lists of its server that passed through this process; null: in none. */
  look(server: string, tool: string): string | null;
  /** What the tool's input schema says against these arguments; null: no list of its server that passed through this process had one that can be read. Absent: schemas are not known here. */
  argumentFaults?(server: string, tool: string, args: JsonObject): readonly ArgumentFault[] | null;
  /** The tool's input schema, as its server listed it; null: none is known. */
  inputSchema?(server: string, tool: string): JsonObject | null;
  /**
   * Has the server asked for its tools where no schema of this tool is known, as after a start or at a replica that no list
   * has passed through. Takes `ms` at most; never rejects, and what is not known afterwards stays unknown.
   */
  learnTool?(server: string, tool: string, ms: number): Promise<void>;
  /** Compiles conditions that a person gives, as a policy has them; a text: what is wrong with them. */
  conditions(within: readonly Json[]): readonly WordedBound[] | string;
  /** Reads what all replicas have revoked so far; called before a pass is spent. Throws `Unavailable('store')`. */
  /** `approval`: what it is spent for; where its votes are signed, the registered passkeys are read as well. */
  refresh(approval?: Pick<Approval, 'requirement'>): Promise<void>;
  /** Where approvals can be signed now; null or absent: nowhere. */
  readonly signingOrigin?: string | null;
}

/** What is kept of plainly allowed calls: how many of one tool and day, and for how many ms. */
export interface SampleTerms {
  readonly perToolAndDay: number;
  readonly retainMs: number;
}

/** The terms for approvals: times in ms, and what one grant may open and keep. */
export interface ApprovalTerms extends GrantRoom {
  readonly timeoutMs: number;
  readonly pickupMs: number;
  /** How long a question stands after its caller's client gave up waiting. */
  readonly graceMs: number;
  /** Bytes of a request that a person is asked about. */
  readonly maxBytes: number;
}

/** How long events stay in the database, in ms, and the place for what leaves it; null: it is not kept. */
export interface RetentionTerms {
  readonly retainMs: number;
  readonly archive: ArchivePlace | null;
}
