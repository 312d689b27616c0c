import type { GivenAnswer } from '../../domain/approval/answer.ts';
import type { Approval, Decision, State } from '../../domain/approval/approval.ts';
import type { Right, StandIn } from '../../domain/approval/circle.ts';
import { signatureJson } from '../../domain/approval/signing.ts';
import { canonical } from '../../domain/json/canonical.ts';
import type { Json } from '../../domain/json/json.ts';
import type { Seals } from '../../ports.ts';

/**
 * What seals cover. Each text is a JSON list, so that no value can run into the next one.
 *
 * | seal | over | made | believed by |
 * |---|---|---|---|
 * | approval | everything that is frozen when the approval opens; what is shown of the call by its digest | at the opening | every read |
 * | state | state, the revision at which it was reached, until when a pass is good, what a call that runs waits for | with every change of these | every read, and before a call goes on |
 * | reasons | what later callers said | at the opening and when one joins | every read |
 * | decision | one person's vote on this very call | with the vote | every read |
 * | answer | one answer of the agent's to what the server asked during this very call | with the answer | every read |
 * | event | the event's canonical text | when it is written | the sealer and the signer |
 */

/** What is frozen of an approval, as it stands in its columns. Times in milliseconds since the epoch. */
export interface FrozenColumns {
  readonly id: string;
  readonly server: string;
  readonly tool: string;
  readonly grant: string;
  readonly owner: string | null;
  readonly selfApproval: boolean;
  readonly fingerprint: string;
  /** The column's own text. */
  readonly requirement: string;
  readonly answersTo: string | null;
  readonly asked: Json;
  readonly statedReason: string | null;
  readonly previousUnknown: string | null;
  /** The column's own text; null: an agent opened it. */
  readonly counterOf: string | null;
  readonly policyDigest: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** Digest of the texts of `arguments`, `sent`, `hidden` and `trace`. */
  readonly shown: string;
}

export function frozenText(row: FrozenColumns): string {
  return canonical([
    row.id,
    row.server,
    row.tool,
    row.grant,
    wellFormed(row.owner),
    row.selfApproval,
    row.fingerprint,
    row.requirement,
    row.answersTo,
    row.asked,
    wellFormed(row.statedReason),
    row.previousUnknown,
    row.policyDigest,
    row.createdAt.getTime(),
    row.expiresAt.getTime(),
    row.shown,
    // Only where there is one, so that the seals of those from before still fit.
    ...(row.counterOf === null ? [] : [row.counterOf]),
  ]);
}

/** What the state's seal covers besides the state. */
export interface StateTerms extends Pick<Approval, 'awaits' | 'questions'> {
  readonly pickupUntil: Date | null;
}

/**
 * `revision`: the one at which all of this was reached. `pickupUntil`: while approved, and while dispatched, for a pass that
 * is given back. A dispatched call that awaits input is sent again by an answer, so what it awaits, and how many questions
 * there were, are its state too: which sending a witness is told of is the number of the question.
 */
export function stateText(
  id: string,
  state: State,
  revision: number,
  { pickupUntil, awaits, questions }: StateTerms,
): string {
  const until = pickupUntil?.getTime() ?? null;
  if (state === 'dispatched') return JSON.stringify([id, state, revision, awaits, questions, until]);
  return JSON.stringify([id, state, revision, state === 'approved' ? until : null]);
}

export function reasonsText(id: string, reasons: readonly string[]): string {
  return JSON.stringify([id, reasons.map(wellFormed)]);
}

/**
 * A vote is on one approval, which has one fingerprint. The person comes after it, and only where there is one, so that the
 * seals of votes from before there were people still fit; so do those from before there were allowances, rights and
 * signatures. Of what can follow, each combination has a length of its own, so that none is taken for another.
 */
export function decisionText(id: string, decision: Decision): string {
  const { approver, choice, reason, via, self, userGroup, at, person, offers, allowance, rights, counter } = decision;
  const vote = [id, approver, choice, wellFormed(reason), via, self, userGroup, at.getTime()];
  const held = rights === undefined ? [] : [rightsText(rights)];
  const signed = signatureColumn(decision);
  if (counter !== undefined) {
    const own = [person ?? null, offersText(decision), allowance ?? null];
    return JSON.stringify([...vote, ...own, rights === undefined ? null : rightsText(rights), signed, counter]);
  }
  if (signed !== null) {
    const more = [
      person ?? null,
      offersText(decision),
      allowance ?? null,
      rights === undefined ? null : rightsText(rights),
    ];
    return JSON.stringify([...vote, ...more, signed]);
  }
  if (offers !== undefined || allowance !== undefined) {
    return JSON.stringify([...vote, person ?? null, offersText(decision), allowance ?? null, ...held]);
  }
  if (rights !== undefined) return JSON.stringify([...vote, person ?? null, ...held]);
  return JSON.stringify(person === undefined ? vote : [...vote, person]);
}

/** What a vote allows in advance, as its column keeps it. */
export function offersText({ offers }: Pick<Decision, 'offers'>): string | null {
  return offers === undefined ? null : canonical({ ...offers });
}

/** The rights of a vote as its column has them. */
export function rightsText(rights: readonly Right[]): string {
  return JSON.stringify(
    rights.map(({ group, userGroup, standIn }) => [group, userGroup, standIn && standInList(standIn)]),
  );
}

function standInList({ group, for: absent, by, until }: StandIn): readonly string[] {
  return [group, absent, by, until];
}

/** Reads the column. What has another form gives none, which its seal does not fit. null: the vote has none. */
export function rightsIn(text: string | null): readonly Right[] | null {
  if (text === null) return null;
  try {
    const rights = (JSON.parse(text) as [string | null, string | null, [string, string, string, string] | null][]).map(
      ([group, userGroup, standIn]): Right => {
        return { group, userGroup, standIn: standIn && standInFrom(standIn) };
      },
    );
    return rightsText(rights) === text ? rights : [];
  } catch {
    return [];
  }
}

function standInFrom([group, absent, by, until]: readonly [string, string, string, string]): StandIn {
  return { group, for: absent, by, until };
}

/** What a passkey signed of a vote, as its column keeps it. */
export function signatureColumn({ signature }: Pick<Decision, 'signature'>): string | null {
  return signature === undefined ? null : canonical(signatureJson(signature));
}

export function answerText(id: string, { at, leg, digest, text }: GivenAnswer): string {
  return JSON.stringify([id, at, leg, digest, text]);
}

/** The digest of what is shown of the call, from the columns' own texts. */
export function shownDigest(
  seals: Pick<Seals, 'digest'>,
  texts: { readonly arguments: string; readonly sent: string; readonly hidden: string; readonly trace: string },
): string {
  return seals.digest(texts.arguments, texts.sent, texts.hidden, texts.trace);
}

/** As the database keeps it: half a surrogate pair becomes U+FFFD there. */
function wellFormed(text: string | null): string | null {
  return text === null ? null : text.toWellFormed();
}
