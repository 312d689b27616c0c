import type { HiddenValues, Sent } from '../call/sent.ts';
import type { Json } from '../json/json.ts';
import type { AllowedBounds } from '../policy/allowance-rule.ts';
import type { QuietHours } from '../policy/quiet.ts';
import type { AnswersMode, RuleTrace } from '../policy/verdict.ts';
import type { AskedQuestion, GivenAnswer } from './answer.ts';
import type { Circle, GroupPlace, Right } from './circle.ts';
import type { CounterOf } from './counter-of.ts';
import type { CallFacts } from './facts.ts';

/**
 * Every state an approval can be in, with the states that may follow. Nothing else changes state, but for one: when an
 * operator accepts a store that went back in time, what a witness knows as sent becomes unknown, whatever the store says
 * (sql/approval/accept.ts).
 */
export const NEXT = {
  pending: ['approved', 'denied', 'expired', 'withdrawn'],
  approved: ['dispatched', 'lapsed'],
  dispatched: ['approved', 'succeeded', 'failed', 'unknown'],
  unknown: ['succeeded', 'failed'],
  denied: [],
  expired: [],
  withdrawn: [],
  lapsed: [],
  succeeded: [],
  failed: [],
} as const satisfies Record<string, readonly string[]>;

export type State = keyof typeof NEXT;
export const STATES = Object.keys(NEXT) as readonly State[];

/** States in which an identical call joins instead of opening a new approval. */
export const LIVE = ['pending', 'approved', 'dispatched'] as const satisfies readonly State[];

export function mayFollow(from: State, to: State): boolean {
  return (NEXT[from] as readonly State[]).includes(to);
}

/** No further state follows, except that an unknown outcome may still become known. */
export function isOver(state: State): boolean {
  return NEXT[state].length === 0 || state === 'unknown';
}

/** The note of an approval that ended because its grant was revoked. */
export const GRANT_REVOKED = 'the grant was revoked';

/** States that end an approval without anything having been sent to its server. */
const UNSENT_ENDS = ['denied', 'expired', 'withdrawn', 'lapsed'] as const satisfies readonly State[];
export type UnsentEnd = (typeof UNSENT_ENDS)[number];

/** It has ended without anything having been sent to its server. */
export function endedUnsent(state: State): state is UnsentEnd {
  return (UNSENT_ENDS as readonly State[]).includes(state);
}

/** Who may approve, how many are needed, until when. Frozen when the approval is opened. */
export interface Requirement extends Circle {
  /** Names of the approver groups as the config spells them, for people to read. */
  readonly groups: readonly string[];
  /** How many distinct eligible approvers must approve. */
  readonly quorum: number;
  /** How many of them of which group, `quorum` in all; absent: any of them. One person fills one place. */
  readonly places?: readonly GroupPlace[];
  readonly denyReason: 'required' | 'optional';
  /** Milliseconds after opening at which a reminder goes into the card's thread; null: half of the timeout. */
  readonly remindMs: number | null;
  readonly escalate: Escalation | null;
  /** Whether answers to what the server asks meanwhile need a yes; absent in approvals of an earlier release. */
  readonly answers?: AnswersMode;
  /** The names that the config's `people` gave then to those who are named here, by id; absent: it gave none. */
  readonly names?: Readonly<Record<string, string>>;
  /** Each approval has to be signed by a passkey of its person; absent: a click is enough. */
  readonly stepUp?: StepUp;
  /** It was asked in quiet hours, so its group was asked instead of those; absent: it was not. */
  readonly quiet?: QuietHours & { readonly insteadOf: readonly string[] };
}

/**
 * Where the approvals of a call are signed: the console's origin, as browsers write it; its host is the name that passkeys
 * are bound to. null: there was no such place when the call was asked about, so nobody can approve it.
 */
export interface StepUp {
  readonly origin: string | null;
}

/** Further approvers, eligible from `afterMs` after opening. */
export interface Escalation extends Circle {
  readonly afterMs: number;
  readonly groups: readonly string[];
  /** Where groups have places: those of the further approvers whose group has none, and who may fill any. */
  readonly anyPlace?: Circle;
}

export type Choice = 'approve' | 'deny';

/** What one human said. One per (approval, person). */
export interface Decision {
  readonly approver: string;
  /** The person's name in the config's `people` at that time; absent: it named none, and the id stands for the person. */
  readonly person?: string;
  readonly choice: Choice;
  /** The reason or note, as the approver typed it. */
  readonly reason: string | null;
  readonly via: 'slack' | 'api' | 'console';
  /** The approver owns the calling grant and used `self_approval`. */
  readonly self: boolean;
  /** The user group that made this person eligible, if one did. Checked again when the pass is spent. */
  readonly userGroup: string | null;
  /** By what the vote counts, where groups have places or its person stands in for somebody; absent: as one who may approve. */
  readonly rights?: readonly Right[];
  readonly at: Date;
  /** The yes is also for calls like this one, within these bounds. */
  readonly offers?: AllowedBounds;
  /** Not said of this call: it is the vote by which this allowance was given, under which the call runs. */
  readonly allowance?: string;
  /** The approval that this denial opened: of the call that the person would have instead. */
  readonly counter?: string;
  /** What the person's passkey signed; only where the requirement has a step-up. */
  readonly signature?: VoteSignature;
}

/**
 * An assertion by a passkey over one vote (WebAuthn, section 7.2). Bytes are base64url. Nothing in it is secret: the nonce
 * was used up by it.
 */
export interface VoteSignature {
  /** Of the text that was signed (`signedText`). */
  readonly v: 1;
  /** The credential's id. */
  readonly key: string;
  readonly nonce: string;
  /** Digest of what was frozen of the approval, hex SHA-256. */
  readonly frozen: string;
  readonly authenticatorData: string;
  readonly clientData: string;
  readonly signature: string;
}

/**
 * What a server that answered a dispatched call still owes. `task`: it runs the call as a task of its own. `input`: it
 * asked for something first.
 */
export type Awaits = 'task' | 'input';

/**
 * What of an approval's row does not fit its seal. `unsealed`: it is from before there were seals. `secret`: a
 * secret that is listed no longer sealed it. `arguments`: what is
 * shown of the call; `requirement`: anything else that was frozen. `older`: all of it fits, and the call was sent since.
 */
export type BrokenField =
  | 'unsealed'
  | 'secret'
  | 'arguments'
  | 'requirement'
  | 'state'
  | 'reasons'
  | 'decisions'
  | 'answers'
  | 'older';

/** The parked record: one exact call, frozen with its requirement. */
export interface Approval {
  readonly id: string;
  readonly state: State;
  /** Bumped by every change; every commit compares it. */
  readonly revision: number;
  readonly server: string;
  readonly tool: string;
  readonly grant: string;
  readonly owner: string | null;
  readonly selfApproval: boolean;
  readonly fingerprint: string;
  readonly requirement: Requirement;
  /** Arguments with redacted values replaced; safe to show. */
  readonly arguments: Json;
  /** What is forwarded besides the arguments, with redacted values replaced; safe to show. */
  readonly sent: Sent;
  /** How many values of `arguments` and `sent` are replaced. */
  readonly hidden: HiddenValues;
  /** What policy said and why; card, console and `policy explain` render this one trace. */
  readonly trace: RuleTrace;
  /** The agent's own words, unverified; null when it gave none. */
  readonly statedReason: string | null;
  /** The words of callers who joined later with another reason, unverified; oldest first. */
  readonly laterReasons: readonly string[];
  /** Id of the approval whose server asked something that this call answers; null: it answers nothing. */
  readonly answersTo: string | null;
  /** What the server asked, where `answersTo` is set; null elsewhere. */
  readonly asked: AskedQuestion | null;
  /** How often the server has answered with a question so far (2026-07-28). */
  readonly questions: number;
  /** What the agent answered to what the server asked during this call; the latest of them, oldest first. */
  readonly answers: readonly GivenAnswer[];
  /** What was found out about the call when its card was made; absent: nothing was. */
  readonly facts?: CallFacts;
  /** Id of an earlier approval of the same call whose outcome is unknown. */
  readonly previousUnknown: string | null;
  /** It is a counter-proposal: a person opened it, with the denial of another call; absent: an agent opened it. */
  readonly counterOf?: CounterOf;
  readonly policyDigest: string;
  readonly decisions: readonly Decision[];
  readonly createdAt: Date;
  /** A pending approval is over at this instant, whether or not a job has noticed. */
  readonly expiresAt: Date;
  /** An approved pass lapses at this instant; null before approval. */
  readonly pickupUntil: Date | null;
  /**
   * A dispatch whose lease runs out becomes unknown. Null when not dispatched, or while the server's own task is
   * followed.
   */
  readonly leaseUntil: Date | null;
  /** What a dispatched call waits for besides a response; null: nothing. */
  readonly awaits: Awaits | null;
  /** When the card reminded the approvers, and when it asked further ones; null: not yet, or never. */
  readonly remindedAt: Date | null;
  readonly escalatedAt: Date | null;
  /** Why it ended, for people: the reason for a lapse, the kind of failure, why nothing was sent. */
  readonly note: string | null;
  /** Callers that are waiting, or that still have to collect the outcome. */
  readonly callers: number;
  /** Those of them whose client gave up waiting, and that have not come back. */
  readonly gaveUp: number;
  readonly updatedAt: Date;
  /** The first field that something other than a gateway wrote; null: none. Nothing of a broken approval runs. */
  readonly broken: BrokenField | null;
  /** Names the seals of what is frozen and of the state: who acts on this approval commits only while they are these. */
  readonly seal: string;
}

/** An approval without what is shown of its call, which may be megabytes: for lists that only name it. */
export type ApprovalGlance = Omit<Approval, 'arguments' | 'facts' | 'hidden' | 'sent' | 'trace'>;

/**
 * A person who decides, as far as the door could verify. Every fact here was looked up; none is the person's own claim.
 */
export interface Approver {
  /** A Slack user id, a login, or `admin` for the admin token. */
  readonly id: string;
  readonly via: Decision['via'];
  /** Those user groups of the requirement, then or now, that this person is a member of. */
  readonly userGroups: readonly string[];
}

/**
 * It has ended, nothing was sent, and nobody had decided anything: a card that was not posted by then would tell the
 * approvers of nothing. What a person has decided, in the console for example, is told in any case; what ran under an
 * allowance only where its outcome is unknown.
 */
export function needsNoCard({ state, decisions }: Pick<Approval, 'state' | 'decisions'>): boolean {
  if (state !== 'unknown' && decisions.some(({ allowance }) => allowance !== undefined)) return true;
  return endedUnsent(state) && decisions.length === 0;
}
