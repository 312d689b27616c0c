import type { State } from '../domain/approval.ts';
import type { SignedCheckpoint } from '../domain/checkpoint.ts';
import type { EventType, LoggedEvent } from '../domain/event.ts';
import type { Page } from './store.ts';

/** What a reviewer looks for. Everything given must hold. */
export interface EventFilter {
  readonly from?: Date;
  readonly to?: Date;
  readonly server?: string;
  readonly tool?: string;
  readonly grant?: string;
  /** `admin`, `slack:U0MIRA`, `grant:release-bot`, `holdfast`. */
  readonly actor?: string;
  readonly types?: readonly EventType[];
  /** Events of approvals that are in this state now. */
  readonly state?: State;
  /** Words that stand in the event; an approval's id or a fingerprint finds everything about it. */
  readonly text?: string;
  /** Events written before this one: the page's key. */
  readonly before?: number;
  readonly limit: number;
}

export interface FoundEvent extends LoggedEvent {
  /** The state of its approval now; null for an event without one. */
  readonly state: State | null;
}

/** An event with what its own hash says of it. */
export interface ProvenEvent extends LoggedEvent {
  /** Whether hash, place and text fit the event before it; null until it is sealed. */
  readonly fits: boolean | null;
}

/** The chain as far as one look can tell. `holdfast audit verify` looks at all of it. */
export interface ChainLook {
  /** The last place, and its hash; 0 and null while nothing is sealed. */
  readonly seq: number;
  readonly hash: string | null;
  readonly unsealed: number;
  /** How many of the newest were checked one by one, and the first that does not fit. */
  readonly checked: number;
  readonly misfit: number | null;
  /** The newest checkpoint as it is kept, and the hash that the event in its place has now. */
  readonly checkpoint: {
    readonly seq: number;
    readonly at: Date;
    readonly signed: SignedCheckpoint;
    readonly hashNow: string | null;
  } | null;
}

/** Counts over a span of time. Slots are numbered from the epoch in units of `slotMs`. */
export interface Tally {
  readonly calls: readonly { readonly slot: number; readonly type: EventType; readonly count: number }[];
  /** Milliseconds from request to the last word, by slot of the request. */
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

/** Reads for reviewers; decides and changes nothing. Throws `Unavailable('store')`. */
export interface Records {
  /** Newest first, paged by key. */
  search(filter: EventFilter): Promise<Page<FoundEvent>>;
  /** Sealed events after this place in the chain, in order: a late writer is never skipped. Heavy ones come in smaller pages. */
  since(seq: number, limit: number): Promise<readonly LoggedEvent[]>;
  event(n: number): Promise<ProvenEvent | null>;
  /** Everything about one approval, oldest first. */
  story(approval: string): Promise<readonly ProvenEvent[]>;
  /** What these cards showed, by the SHA-256 that their events name; what is not kept is not among them. */
  cards(digests: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Checks the newest `newest` events one by one. */
  chain(newest: number): Promise<ChainLook>;
  tally(from: Date, to: Date, slotMs: number): Promise<Tally>;
  /** When each of these grants last called. */
  lastUses(grants: readonly string[]): Promise<ReadonlyMap<string, Date>>;
  /** Tools seen in the newest events, by server. */
  toolsSeen(): Promise<readonly { readonly server: string; readonly tool: string }[]>;
}
