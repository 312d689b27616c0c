import { type Approval, type BrokenField, endedUnsent, isOver } from './approval.ts';

/**
 * Whether something other than a gateway wrote this record, so that nothing of it is believed (P1). A record from before
 * there were seals is believed no more than one with a broken seal; where it has ended, nothing can run on it any more, and
 * it is only marked: all that were not over ended when seals began. So is one that has ended and was sealed by a secret
 * that is listed no more.
 */
export function isForged({ broken, state }: Pick<Approval, 'broken' | 'state'>): boolean {
  if (broken === null) return false;
  const ended = isOver(state) || endedUnsent(state);
  if (broken === 'secret') return !ended;
  return broken !== 'unsealed' || !ended;
}

/** What is wrong with it, for people: the rest of a sentence that begins with the record. */
export const FORGED_WORDS: Readonly<Record<BrokenField, string>> = {
  unsealed: 'has no seal',
  secret: 'was sealed by a secret that HOLDFAST_SECRET no longer lists',
  arguments: 'shows a different call from the one that was sealed',
  requirement: 'has a different requirement, server, tool, owner or time from what was sealed',
  state: 'has a state that no gateway gave it',
  reasons: 'has different reasons of later callers from those that were sealed',
  decisions: 'has a decision that no gateway recorded',
  answers: 'has an answer to its server that no agent gave through Holdfast',
  older: 'is from before its call was sent, because the database went back in time',
};

/** How that came about, and who can do something: a sentence. */
export function forgedCause({ broken }: Pick<Approval, 'broken'>): string {
  if (broken === 'secret') return 'That secret was taken out before this call was over; operators can list it again.';
  const how = broken === 'older' ? 'Its call was sent before.' : 'It was changed outside Holdfast.';
  return `${how} Tell your operators; /readyz names what was found.`;
}

/** The end of the digest of a card that says that its record is forged. */
export const FORGED = '!';
