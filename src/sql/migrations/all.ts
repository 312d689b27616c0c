import { MIGRATION_0001 } from './0001-foundation.ts';
import { MIGRATION_0002 } from './0002-console.ts';
import { MIGRATION_0003 } from './0003-audit.ts';
import { MIGRATION_0004 } from './0004-card-runs.ts';
import { MIGRATION_0005 } from './0005-tasks.ts';
import { MIGRATION_0006 } from './0006-reminders.ts';
import { MIGRATION_0007 } from './0007-admit.ts';
import { MIGRATION_0008 } from './0008-words.ts';
import { MIGRATION_0009 } from './0009-task-fetched.ts';
import { MIGRATION_0010 } from './0010-words-cost.ts';
import { MIGRATION_0011 } from './0011-card-contents.ts';
import { MIGRATION_0012 } from './0012-pursuits.ts';
import { MIGRATION_0013 } from './0013-fewer-words.ts';
import { MIGRATION_0014 } from './0014-append.ts';
import { MIGRATION_0015 } from './0015-admit-chained.ts';
import { MIGRATION_0016 } from './0016-phrases.ts';
import { MIGRATION_0017 } from './0017-bounded-words.ts';
import { MIGRATION_0018 } from './0018-portions.ts';
import { MIGRATION_0019 } from './0019-sent.ts';
import { MIGRATION_0021 } from './0021-later-reasons.ts';
import { MIGRATION_0022 } from './0022-method-words.ts';
import { MIGRATION_0024 } from './0024-openings.ts';
import { MIGRATION_0026 } from './0026-legs.ts';
import { MIGRATION_0027 } from './0027-states.ts';
import { MIGRATION_0030 } from './0030-seals.ts';
import { MIGRATION_0031 } from './0031-freezes.ts';
import { MIGRATION_0032 } from './0032-witness.ts';
import { MIGRATION_0033 } from './0033-person.ts';
import { MIGRATION_0034 } from './0034-sealed-tables.ts';
import { MIGRATION_0035 } from './0035-own-events.ts';
import { MIGRATION_0038 } from './0038-gave-up.ts';
import { MIGRATION_0039 } from './0039-refused-cards.ts';
import { MIGRATION_0040 } from './0040-ended-early.ts';
import { MIGRATION_0041 } from './0041-counted.ts';
import { MIGRATION_0042 } from './0042-sealed-cards.ts';
import { MIGRATION_0043 } from './0043-open-requests.ts';
import { MIGRATION_0044 } from './0044-found-acceptances.ts';
import { MIGRATION_0045 } from './0045-sealing-replicas.ts';
import { MIGRATION_0049 } from './0049-people.ts';
import { MIGRATION_0050 } from './0050-api-tokens.ts';
import { MIGRATION_0051 } from './0051-principals.ts';
import { MIGRATION_0053 } from './0053-rights.ts';
import { MIGRATION_0054 } from './0054-person-keys.ts';
import { MIGRATION_0055 } from './0055-signed-votes.ts';
import { MIGRATION_0056 } from './0056-votes-in-advance.ts';
import { MIGRATION_0057 } from './0057-allowances.ts';
import { MIGRATION_0058 } from './0058-denials.ts';
import { MIGRATION_0059 } from './0059-memories.ts';
import { MIGRATION_0061 } from './0061-policy-texts.ts';
import { MIGRATION_0062 } from './0062-people-again.ts';
import { MIGRATION_0064 } from './0064-logged-ends.ts';
import { MIGRATION_0066 } from './0066-counter-votes.ts';
import { MIGRATION_0067 } from './0067-counter-proposals.ts';
import { MIGRATION_0068 } from './0068-call-facts.ts';
import { MIGRATION_0069 } from './0069-given-reasons.ts';
import { MIGRATION_0070 } from './0070-cues-and-snoozes.ts';
import { MIGRATION_0071 } from './0071-samples.ts';
import { MIGRATION_0073 } from './0073-quota-parts.ts';
import { MIGRATION_0074 } from './0074-quota-in-advance.ts';
import { MIGRATION_0075 } from './0075-oversight.ts';
import { MIGRATION_0076 } from './0076-cuts.ts';
import { MIGRATION_0077 } from './0077-removed-approvals.ts';
import { MIGRATION_0079 } from './0079-erasable-keys.ts';
import { MIGRATION_0085 } from './0085-words-that-are-looked-for.ts';
import { MIGRATION_0086 } from './0086-packed-cards.ts';
import { MIGRATION_0089 } from './0089-numbered-openings.ts';

/**
 * Every migration of this release, oldest first, with the statements that it executes. Only ever add one: replicas of
 * the release before run beside new ones during a rolling restart. A migration that was released never changes.
 */
export const MIGRATIONS: Readonly<Record<string, readonly string[]>> = {
  '0001-foundation': MIGRATION_0001,
  '0002-console': MIGRATION_0002,
  '0003-audit': MIGRATION_0003,
  '0004-card-runs': MIGRATION_0004,
  '0005-tasks': MIGRATION_0005,
  '0006-reminders': MIGRATION_0006,
  '0007-admit': MIGRATION_0007,
  '0008-words': MIGRATION_0008,
  '0009-task-fetched': MIGRATION_0009,
  '0010-words-cost': MIGRATION_0010,
  '0011-card-contents': MIGRATION_0011,
  '0012-pursuits': MIGRATION_0012,
  '0013-fewer-words': MIGRATION_0013,
  '0014-append': MIGRATION_0014,
  '0015-admit-chained': MIGRATION_0015,
  '0016-phrases': MIGRATION_0016,
  '0017-bounded-words': MIGRATION_0017,
  '0018-portions': MIGRATION_0018,
  '0019-sent': MIGRATION_0019,
  '0021-later-reasons': MIGRATION_0021,
  '0022-method-words': MIGRATION_0022,
  '0024-openings': MIGRATION_0024,
  '0026-legs': MIGRATION_0026,
  '0027-states': MIGRATION_0027,
  '0030-seals': MIGRATION_0030,
  '0031-freezes': MIGRATION_0031,
  '0032-witness': MIGRATION_0032,
  '0033-person': MIGRATION_0033,
  '0034-sealed-tables': MIGRATION_0034,
  '0035-own-events': MIGRATION_0035,
  '0038-gave-up': MIGRATION_0038,
  '0039-refused-cards': MIGRATION_0039,
  '0040-ended-early': MIGRATION_0040,
  '0041-counted': MIGRATION_0041,
  '0042-sealed-cards': MIGRATION_0042,
  '0043-open-requests': MIGRATION_0043,
  '0044-found-acceptances': MIGRATION_0044,
  '0045-sealing-replicas': MIGRATION_0045,
  '0049-people': MIGRATION_0049,
  '0050-api-tokens': MIGRATION_0050,
  '0051-principals': MIGRATION_0051,
  '0053-rights': MIGRATION_0053,
  '0054-person-keys': MIGRATION_0054,
  '0055-signed-votes': MIGRATION_0055,
  '0056-votes-in-advance': MIGRATION_0056,
  '0057-allowances': MIGRATION_0057,
  '0058-denials': MIGRATION_0058,
  '0059-memories': MIGRATION_0059,
  '0061-policy-texts': MIGRATION_0061,
  '0062-people-again': MIGRATION_0062,
  '0064-logged-ends': MIGRATION_0064,
  '0066-counter-votes': MIGRATION_0066,
  '0067-counter-proposals': MIGRATION_0067,
  '0068-call-facts': MIGRATION_0068,
  '0069-given-reasons': MIGRATION_0069,
  '0070-cues-and-snoozes': MIGRATION_0070,
  '0071-samples': MIGRATION_0071,
  '0073-quota-parts': MIGRATION_0073,
  '0074-quota-in-advance': MIGRATION_0074,
  '0075-oversight': MIGRATION_0075,
  '0076-cuts': MIGRATION_0076,
  '0077-removed-approvals': MIGRATION_0077,
  '0079-erasable-keys': MIGRATION_0079,
  '0085-words-that-are-looked-for': MIGRATION_0085,
  '0086-packed-cards': MIGRATION_0086,
  '0089-numbered-openings': MIGRATION_0089,
};
