import { type RawBuilder, sql } from 'kysely';
import type { Json } from '../../domain/json/json.ts';
import type { NewApproval, Seals } from '../../ports.ts';
import { standBack } from '../../time/stand-back.ts';
import { frozenText, reasonsText, shownDigest, stateText } from '../table/sealed-rows.ts';
import type { ShownTexts } from '../table/shown-call.ts';

/** A column of a new approval: its name, its type, and what it holds. */
type Column = readonly [
  name: string,
  type: 'boolean' | 'bytea' | 'int' | 'json' | 'jsonb' | 'text' | 'timestamptz',
  value: unknown,
];

/** What is shown of a new approval's call, as its columns' texts, and their digest. */
export type NewShown = ShownTexts & { readonly digest: string };

/** From this many bytes on, a call's texts take some milliseconds to be written, and to be digested. */
const LARGE_CALL = 256 * 1024;

/** Writes and digests what is shown of a call; between the two and after them others have turns where it is large. */
export async function newShown(seals: Seals, { approval, request }: NewApproval): Promise<NewShown> {
  const rest = (): Promise<void> | undefined => (request.byteLength < LARGE_CALL ? undefined : standBack());
  const texts = textsOf(approval);
  await rest();
  const shown = { ...texts, digest: shownDigest(seals, texts) };
  await rest();
  return shown;
}

function textsOf(approval: NewApproval['approval']): ShownTexts {
  return {
    arguments: JSON.stringify(approval.arguments),
    sent: JSON.stringify(approval.sent),
    hidden: JSON.stringify(approval.hidden),
    trace: JSON.stringify(approval.trace),
  };
}

/** The same at once. */
export function newShownNow(seals: Seals, { approval }: NewApproval): NewShown {
  const texts = textsOf(approval);
  return { ...texts, digest: shownDigest(seals, texts) };
}

/** `previousUnknown`: an earlier approval of the same call whose outcome is unknown. `when`: rows for each of which it is inserted. */
export function insertApproval(
  seals: Seals,
  { approval, request }: NewApproval,
  { digest: shown, ...shownTexts }: NewShown,
  previousUnknown: string | null,
  when: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const { id, createdAt, expiresAt, pickupUntil } = approval;
  const texts = {
    requirement: JSON.stringify(approval.requirement),
    ...shownTexts,
    asked: approval.asked === null ? null : JSON.stringify(approval.asked),
  };
  const asked = texts.asked === null ? null : (JSON.parse(texts.asked) as Json);
  const frozen = frozenText({ ...approval, previousUnknown, requirement: texts.requirement, asked, shown });
  const columns: readonly Column[] = [
    ['id', 'text', id],
    ['state', 'text', 'pending'],
    ['revision', 'int', 1],
    ['server', 'text', approval.server],
    ['tool', 'text', approval.tool],
    ['grant_name', 'text', approval.grant],
    ['owner', 'text', approval.owner],
    ['self_approval', 'boolean', approval.selfApproval],
    ['fingerprint', 'text', approval.fingerprint],
    ['requirement', 'json', texts.requirement],
    ['arguments', 'json', texts.arguments],
    ['sent', 'json', texts.sent],
    ['hidden', 'json', texts.hidden],
    ['answers_to', 'text', approval.answersTo],
    ['asked', 'jsonb', texts.asked],
    ['trace', 'json', texts.trace],
    ['stated_reason', 'text', approval.statedReason],
    ['previous_unknown', 'text', previousUnknown],
    ['policy_digest', 'text', approval.policyDigest],
    ['request', 'bytea', request],
    ['created_at', 'timestamptz', createdAt],
    ['expires_at', 'timestamptz', expiresAt],
    ['pickup_until', 'timestamptz', pickupUntil],
    ['lease_until', 'timestamptz', approval.leaseUntil],
    ['note', 'text', approval.note],
    ['shown_digest', 'text', shown],
    ['frozen_seal', 'text', seals.seal('approval', frozen)],
    ['state_revision', 'int', 1],
    [
      'state_seal',
      'text',
      seals.seal('state', stateText(id, 'pending', 1, { pickupUntil, awaits: null, questions: 0 })),
    ],
    ['reasons_seal', 'text', seals.seal('reasons', reasonsText(id, []))],
    ['updated_at', 'timestamptz', createdAt],
  ];
  const values = columns.map(([, type, value]) => sql`${value}::${sql.raw(type)}`);
  return sql`
    insert into holdfast.approvals (${sql.raw(columns.map(([name]) => name).join(', '))})
    select ${sql.join(values)} from ${when}`;
}
