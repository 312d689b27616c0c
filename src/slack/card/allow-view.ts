import { type Allowance, allowanceSentence } from '../../domain/allowance/allowance.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import { secondLookSentence, secondLooks } from '../../domain/approval/second-look.ts';
import type { AllowedBounds, OfferedAllowance } from '../../domain/policy/allowance-rule.ts';
import { plural } from '../../text/plural.ts';
import { leftToRight } from '../../text/visible.ts';
import type { CardPlace } from '../place/card-place.ts';
import { pieces } from './argument-table.ts';
import { actions, type Block, button, plainText, section } from './block-kit.ts';
import { buttonValue } from './button.ts';
import { codeSpan, escapedMrkdwn, localTime, namedPerson, personMention } from './escape.ts';
import { type ModalView, memoryOf, textInput } from './modals.ts';
import { factsSection, fineprintBlock } from './sections.ts';

/** `block_id` and `action_id` of the inputs by which a person narrows an allowance. */
export const ALLOW_INPUTS = { minutes: 'minutes', calls: 'calls', begins: 'begins' } as const;
/** Arguments for which the modal has a field of their own. */
const MOST_FIELDS = 5;
/** Most characters of one block's text. */
const TEXT = 2_800;
const LONGEST_BEGINNING = 300;

/** What of an approval can be allowed in advance; null: nothing. */
export function offeredBy({ trace, answersTo, state }: Approval): OfferedAllowance | null {
  const offered = trace.allowance;
  return state !== 'pending' || offered === undefined || offered.calls === 0 || answersTo !== null ? null : offered;
}

/** The bounds that earlier votes are for, which the next one confirms; null: there are none, or not the same. */
export function boundsSoFar({ decisions }: Pick<Approval, 'decisions'>): AllowedBounds | null {
  return decisions.find(({ choice }) => choice === 'approve')?.offers ?? null;
}

/** The button that opens the modal; none where nothing is offered, or an earlier vote was for this call alone. */
export function allowButtons(approval: Approval): ReturnType<typeof button>[] {
  const offered = offeredBy(approval);
  if (offered === null) return [];
  const earlier = approval.decisions.filter(({ choice }) => choice === 'approve');
  if (earlier.length > 0 && boundsSoFar(approval) === null) return [];
  const minutes = boundsSoFar(approval)?.minutes ?? offered.minutes;
  const text = `Approve, and the like for ${minutes} ${plural(minutes, 'minute')}…`;
  return [button({ action: 'allow', text, value: buttonValue(approval) })];
}

/**
 * States in one sentence what would be allowed. Its fields only narrow it; a later vote of a quorum confirms the bounds of
 * the first, or votes plainly. What the sentence says at the most is never wider than what is submitted.
 */
export function allowView(approval: Approval, from: CardPlace): ModalView | null {
  const offered = offeredBy(approval);
  if (offered === null) return null;
  const earlier = boundsSoFar(approval);
  const first = approval.decisions.find(({ choice }) => choice === 'approve');
  const bounds = earlier ?? { minutes: offered.minutes, calls: offered.calls, says: [] };
  const sentence = allowanceSentence(approval, offered, bounds);
  const { quorum } = approval.requirement;
  return {
    type: 'modal',
    callback_id: 'allow_view',
    title: plainText('Allow the like'),
    submit: plainText(earlier === null ? 'Approve and allow' : 'Approve and confirm'),
    close: plainText('Back'),
    // The bounds that are confirmed are those of the votes that were there.
    private_metadata: memoryOf(approval, from, approval.decisions.length),
    blocks: [
      section(`*Besides this call${earlier === null ? ', at most' : ''}:*`),
      ...pieces(leftToRight(sentence), TEXT).map((text): Block => ({ type: 'section', text: plainText(text) })),
      ...(first === undefined || earlier === null
        ? []
        : [
            section(
              `These are the bounds of ${namedPerson(first.approver, first.person)}. To approve this call alone, go back and choose *Approve*.`,
            ),
          ]),
      ...(quorum > 1
        ? [section(`It takes ${quorum} approvals for the same bounds; otherwise only this call is approved.`)]
        : []),
      ...secondLooks(approval, [], approval.createdAt).map((look) =>
        section(`⚠ ${escapedMrkdwn(secondLookSentence(look))}`),
      ),
      section('It ends at once when the policy, the tool, the agent’s owner or grant changes, or when you revoke it.'),
      factsSection(approval),
      ...(earlier === null ? fieldsOf(offered) : []),
      fineprintBlock(approval, false),
    ],
  };
}

function fieldsOf(offered: OfferedAllowance): Block[] {
  const number = (id: string, label: string, most: number): Block =>
    textInput(`${label} (1 to ${most})`, false, { id, initial: String(most), longest: 4 });
  return [
    number(ALLOW_INPUTS.minutes, 'Minutes', offered.minutes),
    number(ALLOW_INPUTS.calls, 'Further calls', offered.calls),
    ...offered.mayVary.slice(0, MOST_FIELDS).map((path, n) =>
      textInput(`Only where ${leftToRight(path).slice(0, 100)} begins with (empty: no further condition)`, true, {
        id: `${ALLOW_INPUTS.begins}${n}`,
        longest: LONGEST_BEGINNING,
      }),
    ),
  ];
}

/** What a person typed into the fields, by their ids; null: nothing. */
export type AllowFields = Readonly<Record<string, string | null>>;

/** The ids of every field that a modal can have. */
export const ALLOW_FIELDS: readonly string[] = [
  ALLOW_INPUTS.minutes,
  ALLOW_INPUTS.calls,
  ...Array.from({ length: MOST_FIELDS }, (_, n) => `${ALLOW_INPUTS.begins}${n}`),
];

/** The bounds that were typed, or what is wrong, by field. They may still be refused as wider than offered. */
export function boundsTyped(
  offered: OfferedAllowance,
  fields: AllowFields,
): { readonly bounds: AllowedBounds } | { readonly errors: Readonly<Record<string, string>> } {
  const errors: Record<string, string> = {};
  const whole = (id: string, most: number): number => {
    const text = fields[id]?.trim() ?? '';
    const value = /^\d{1,4}$/.test(text) ? Number(text) : 0;
    if (value < 1 || value > most) errors[id] = `A whole number from 1 to ${most}.`;
    return value;
  };
  const minutes = whole(ALLOW_INPUTS.minutes, offered.minutes);
  const calls = whole(ALLOW_INPUTS.calls, offered.calls);
  const beginnings = offered.mayVary.slice(0, MOST_FIELDS).flatMap((path, n) => {
    const value = fields[`${ALLOW_INPUTS.begins}${n}`];
    return value ? [{ path, op: 'starts_with', value }] : [];
  });
  if (Object.keys(errors).length > 0) return { errors };
  const says = beginnings.map(({ path, value }) => `${path} starts with ${JSON.stringify(value)}`);
  return { bounds: { minutes, calls, within: beginnings, says } };
}

/** How an allowance that was given with this call stands, and the button that ends it. */
export function allowanceBlocks(approval: Approval, allowance: Allowance | null): Block[] {
  if (allowance === null) return [];
  const { bounds, used, until, ended } = allowance;
  const count = `${used} of ${bounds.calls} used`;
  if (ended !== null || used >= bounds.calls) {
    const why = ended === null ? 'spent' : ended.why;
    const by = why === 'revoked' && ended !== null ? ` by ${personMention(ended.by)}` : '';
    return [section(`The like is no longer allowed: ${ENDED[why]}${by} (${count}).`)];
  }
  const sentence = allowanceSentence(approval, { mayVary: allowance.mayVary, within: allowance.within }, bounds);
  return [
    section(`*The like is allowed* until ${localTime(until)}: ${count}. ${codeSpan(allowance.id)}`),
    ...pieces(leftToRight(sentence), TEXT)
      .slice(0, 1)
      .map((text): Block => ({ type: 'section', text: plainText(text) })),
    actions([button({ action: 'revoke_allowance', text: 'Revoke', value: buttonValue(approval), style: 'danger' })]),
  ];
}

const ENDED = {
  spent: 'used up',
  over: 'its time is over',
  revoked: 'revoked',
  policy: 'the policy has changed',
  drift: 'the server lists the tool otherwise now',
  owner: 'the agent’s owner has changed',
  grant: 'the grant was revoked or has another token',
  approver: 'those who gave it may no longer approve',
  store: 'the database went back in time',
} as const;
