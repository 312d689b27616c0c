import type { Kysely } from 'kysely';
import type { Records, Seals } from '../ports.ts';
import { cardContents } from './approval/cards.ts';
import { guarded } from './connection/guard.ts';
import { readPolicyText } from './log/policy-texts.ts';
import { approvalStory, keyStory, lookAtChain, passkeyStory, proveEvent } from './log/proof.ts';
import { lastUses, sealedSince, toolsSeen } from './search/newest.ts';
import { searchEvents } from './search/search.ts';
import { tally } from './search/tally.ts';
import type { Tables } from './table/tables.ts';

/** The `Records` port: what reviewers read. `seals`: null where nobody can tell whether a gateway wrote it. */
export function sqlRecords(db: Kysely<Tables>, seals: Seals | null): Records {
  return guarded<Records>({
    search: (filter) => searchEvents(db, seals, filter),
    since: (seq, limit) => sealedSince(db, seals, seq, limit),
    event: (n) => proveEvent(db, seals, n),
    story: (approval) => approvalStory(db, seals, approval),
    keyStory: () => keyStory(db, seals),
    passkeyStory: (keys) => passkeyStory(db, seals, keys),
    policyText: (digest) => readPolicyText(db, digest),
    cards: (digests) => cardContents(db, digests),
    chain: (newest) => lookAtChain(db, seals, newest),
    tally: (from, to, slotMs) => tally(db, from, to, slotMs),
    lastUses: (grants) => lastUses(db, grants),
    toolsSeen: () => toolsSeen(db),
  });
}
