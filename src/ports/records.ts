import type { State } from '../domain/approval/approval.ts';
import type { SignedCheckpoint } from '../domain/log/checkpoint.ts';
import type { EventType, LoggedEvent } from '../domain/log/event.ts';
import type { DeniedPart } from '../domain/policy/judge-method.ts';
import type { Page } from './approvals.ts';

/** What a reviewer looks for. All conditions given must hold. */
export interface EventFilter {
  readonly from?: Date;
  readonly to?: Date;
  readonly server?: string;
  readonly tool?: string;
  readonly grant?: string;
  /** `admin`, `slack:U0MIRA`, `grant:release-bot`, `holdfast`. */
  readonly actor?: string;
  readonly types?: readonly EventType[];
  /** Of the denials of methods only those of this part, and lines that count denials without saying of what. */
  readonly denied?: DeniedPart['kind'];
  /** Events of approvals that are in this state now. */
  readonly state?: State;
  /** Words in the event. An approval's id or a fingerprint, or the first 16 characters of one, finds everything about that approval. */
  readonly text?: string;
  /** Events written before this one: for the next page. */
  readonly before?: number;
  readonly limit: number;
}

export interface FoundEvent extends LoggedEvent {
  /** The state of its approval now; null for an event without one. */
  readonly state: State | null;
}

/** An event, and whether its hash is right. */
export interface ProvenEvent extends LoggedEvent {
  /** Whether its hash follows from its text, its place and the event before it; null until it is sealed. */
  readonly fits: boolean | null;
  /** Its canonical text, over which the hash is made. */
  readonly text: string;
  /** The hash of the event before it in the chain, 64 zeros for the first; null until it is sealed. */
  readonly previous: string | null;
}

/** The state of the chain, of which only the newest events are checked. `holdfast audit verify` checks all of it. */
export interface ChainLook {
  /** The last place in the chain, and its hash; 0 and null while nothing is sealed. */
  readonly seq: number;
  readonly hash: string | null;
  readonly unsealed: number;
  /** How many of the newest events were checked one by one, and the place of the first that does not fit. */
  readonly checked: number;
  readonly misfit: number | null;
  /** The newest checkpoint as it was saved, and the hash that the event in its place has now. */
  readonly checkpoint: {
    readonly seq: number;
    readonly at: Date;
    readonly signed: SignedCheckpoint;
    readonly hashNow: string | null;
  } | null;
  /** The last signed cut: the place up to which events are out of the database, and when; absent: there is none. */
  readonly cut?: { readonly to: number; readonly until: Date; readonly segment: number; readonly kept: boolean };
}

/** Counts over a span of time. Slots are `slotMs` long and numbered from the epoch. */
export interface Tally {
  readonly calls: readonly { readonly slot: number; readonly type: EventType; readonly count: number }[];
  /** Milliseconds from the request to the last decision, by the slot of the request. */
  readonly waits: readonly {
    readonly slot: number;
    readonly count: number;
    readonly p50: number;
    readonly p95: number;
  }[];
  readonly wait: { readonly count: number; readonly p50: number; readonly p95: number } | null;
  readonly approvers: readonly { readonly approver: string; readonly approved: number; readonly denied: number }[];
  readonly refusals: readonly { readonly type: EventType; readonly reason: string; readonly count: number }[];
  /** Counters whose window is open; `key` as `takeKey` writes it. */
  readonly counters: readonly { readonly key: string; readonly used: string; readonly endsAt: Date }[];
}

/** What reviewers read. Changes nothing. Throws `Unavailable('store')`. */
export interface Records {
  /** Newest first, page by page. */
  search(filter: EventFilter): Promise<Page<FoundEvent>>;
  /**
   * Sealed events after this place in the chain, in order, so that a late writer is never skipped. Heavy ones come in
   * smaller pages.
   */
  since(seq: number, limit: number): Promise<readonly LoggedEvent[]>;
  event(n: number): Promise<ProvenEvent | null>;
  /** Everything about one approval, oldest first. */
  story(approval: string): Promise<readonly ProvenEvent[]>;
  /** The events of the chain that say which keys sign it, in order: its beginning, and one for each change. */
  keyStory(): Promise<readonly ProvenEvent[]>;
  /** What the log says of these passkeys, in order: asked for, registered, ended. */
  passkeyStory(keys: readonly string[]): Promise<readonly ProvenEvent[]>;
  /** The text of a policy that was in force, by the SHA-256 that events name; null: it is not kept. */
  policyText(digest: string): Promise<string | null>;
  /** What these cards showed, by the SHA-256 that their events name. Cards that are not kept are missing. */
  cards(digests: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Checks the newest `newest` events one by one. */
  chain(newest: number): Promise<ChainLook>;
  tally(from: Date, to: Date, slotMs: number): Promise<Tally>;
  /** When each of these grants last called. */
  lastUses(grants: readonly string[]): Promise<ReadonlyMap<string, Date>>;
  /** The tools that the newest events name, with their servers. */
  toolsSeen(): Promise<readonly { readonly server: string; readonly tool: string }[]>;
}
