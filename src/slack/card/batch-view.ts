import type { Approval, Choice } from '../../domain/approval/approval.ts';
import { MOST_TOGETHER } from '../../domain/approval/together.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { cut } from '../../text/cut.ts';
import { visible } from '../../text/visible.ts';
import type { CardPlace } from '../place/card-place.ts';
import { type Block, button, LIMIT, plainText, section } from './block-kit.ts';
import { buttonValue } from './button.ts';
import { counterBlocks } from './counter-story.ts';
import { codeSpan, escapedMrkdwn, personMention } from './escape.ts';
import { type ModalView, memoryOf, textInput, wholeTables } from './modals.ts';
import { cueBlocks, fineprintBlock, hiddenWarning, reasonBlocks, summaryBlocks, waitingBlocks } from './sections.ts';
import { headline } from './story.ts';
import { unusualBlocks } from './view-blocks.ts';

/** Slack takes 100 blocks in a view; these are left for what stands around the calls. */
const MOST_BLOCKS = 84;
/** Octets of JSON; Slack takes 250 kB. */
const MOST_OCTETS = 200_000;
/** Calls that are only named, because they do not fit. */
const MOST_NAMED = 10;

/** `block_id` of a call's box, before its id, and the box's `action_id`. */
export const TICK = { block: 'tick:', action: 'tick' } as const;

/** One call that may stand in the view; `why`: why it cannot be decided here, in words; null: it can. */
export interface BatchCall {
  readonly approval: Approval;
  readonly why: string | null;
}

export interface BatchTerms {
  readonly choice: Choice;
  /** The call whose card the digest is, and where that is. */
  readonly leader: Approval;
  readonly from: CardPlace;
  readonly publicUrl: string | null;
  /** Why nothing was decided before; null: it is opened for the first time. mrkdwn. */
  readonly notice: string | null;
}

/**
 * Several calls, each in full with a box to tick. What cannot be decided here, or does not fit, has no box: it is named with a
 * button that opens it alone. Pure.
 */
export function batchView(calls: readonly BatchCall[], terms: BatchTerms): ModalView {
  const { choice, leader, from, notice } = terms;
  const { shown, left } = layOut(calls);
  const approves = choice === 'approve';
  const reasoned = shown.some(({ approval }) => approval.requirement.denyReason === 'required');
  const submits = shown.length > 0;
  const blocks: Block[] = [
    ...(notice === null ? [] : [section(cut(notice, LIMIT.section))]),
    section(
      submits
        ? `Tick each call that you ${approves ? 'approve' : 'deny'}. All that you tick are decided together, or none of them.`
        : 'There is nothing here that can be decided together.',
    ),
    ...shown.flatMap(({ blocks: own }) => own),
    ...leftBlocks(left, terms),
    ...(submits
      ? [
          approves
            ? textInput('Note (kept with each decision)', true)
            : textInput('Reason (shown to the agent)', !reasoned),
        ]
      : []),
  ];
  return {
    type: 'modal',
    callback_id: approves ? 'approve_these_view' : 'deny_these_view',
    title: plainText(approves ? 'Approve these calls?' : 'Deny these calls'),
    close: plainText('Close'),
    ...(submits ? { submit: plainText(approves ? 'Approve ticked' : 'Deny ticked') } : {}),
    private_metadata: memoryOf(leader, from, 0),
    blocks,
  };
}

/** Whether a call can stand in a view of several at all: alone it fits, with all of it. Judged again of what was ticked. */
export function fitsTogether(approvals: readonly Approval[]): boolean {
  const { shown } = layOut(approvals.map((approval) => ({ approval, why: null })));
  return shown.length === approvals.length;
}

/** Why a call is opened alone although it would fit; null: it need not. */
export function aloneBecause(approval: Approval, choice: Choice): string | null {
  if (choice === 'deny') return null;
  if (approval.requirement.stepUp !== undefined) return 'has to be signed with a passkey';
  return hiddenWarning(approval) === null ? null : 'hides values that its policy did not name';
}

interface ShownInBatch {
  readonly approval: Approval;
  readonly blocks: readonly Block[];
}

function layOut(calls: readonly BatchCall[]): { shown: ShownInBatch[]; left: BatchCall[] } {
  const shown: ShownInBatch[] = [];
  const left: BatchCall[] = [];
  let [count, octets] = [0, 0];
  for (const call of calls) {
    const may = call.why === null && shown.length < MOST_TOGETHER;
    // What cannot fit is not drawn to see that: it may be megabytes, of each.
    const own = may && shownOctets(call.approval) <= MOST_OCTETS ? wholeCall(call.approval) : null;
    const size = own === null ? 0 : octetsOf(own);
    if (own === null) left.push(may ? { ...call, why: 'does not fit here' } : call);
    else if (count + own.length > MOST_BLOCKS || octets + size > MOST_OCTETS)
      left.push({ ...call, why: 'does not fit here' });
    else {
      shown.push({ approval: call.approval, blocks: own });
      count += own.length;
      octets += size;
    }
  }
  return { shown, left };
}

/** Octets of what is sent of it. What is shown of it has no fewer. */
function shownOctets({ arguments: args, sent }: Approval): number {
  return octetsOf(args) + octetsOf(sent);
}

function octetsOf(shown: unknown): number {
  return new TextEncoder().encode(JSON.stringify(shown)).length;
}

/** All that is sent of it, who asks and why, whatever a card warns of, and its box at the end. */
function wholeCall(approval: Approval): Block[] {
  const { id, server, tool, grant, owner, trace, fingerprint, revision } = approval;
  const risk = [trace.risk ?? 'risk not stated', trace.severity && `${trace.severity} severity`]
    .filter(Boolean)
    .join(', ');
  const who = `${codeSpan(grantNameOf(grant))}${owner === null ? '' : ` on behalf of ${personMention(owner)}`}`;
  const call = `${server}.${tool}`;
  return [
    { type: 'divider' },
    section(
      `*${headline(approval)}: ${codeSpan(call)}*\n${who} · ${escapedMrkdwn(risk)} · rule ${codeSpan(cut(trace.rule, 300))}`,
    ),
    ...cueBlocks(approval),
    ...counterBlocks(approval),
    ...summaryBlocks(approval),
    ...unusualBlocks(approval, 'full view'),
    ...reasonBlocks(approval, 'full view'),
    ...wholeTables(approval),
    ...waitingBlocks(approval).slice(0, 1),
    fineprintBlock(approval),
    {
      type: 'input',
      block_id: `${TICK.block}${id}`,
      optional: true,
      label: plainText(cut(`${visible(call)} (${id.slice(-6)})`, LIMIT.header)),
      element: {
        type: 'checkboxes',
        action_id: TICK.action,
        options: [
          {
            text: plainText(cut(`This call, as shown`, LIMIT.option)),
            value: `${revision}:${fingerprint.slice(0, 32)}`,
          },
        ],
      },
    },
  ];
}

function leftBlocks(left: readonly BatchCall[], { publicUrl }: BatchTerms): Block[] {
  if (left.length === 0) return [];
  const named = left.slice(0, MOST_NAMED);
  const rest = left.length - named.length;
  const more = publicUrl === null ? '' : ` <${publicUrl}/|The console> has all of them.`;
  return [
    { type: 'divider' },
    section(`*Not to be ticked here*: open each alone.${more}`),
    ...named.map(({ approval, why }): Block => {
      const { id, server, tool } = approval;
      const link = publicUrl === null ? codeSpan(id) : `<${publicUrl}/approvals/${encodeURIComponent(id)}|${id}>`;
      return {
        ...section(
          `${codeSpan(`${server}.${tool}`)} ${link}: ${escapedMrkdwn(why ?? 'more than 25 are not decided together')}`,
        ),
        accessory: button({ action: 'details', text: 'Open…', value: buttonValue(approval) }),
      };
    }),
    ...(rest === 0 ? [] : [section(`And ${rest} more.`)]),
  ];
}

/** A box as it comes back; null: none of ours, or not ticked. */
export function readTick(blockId: string, value: string): { id: string; fingerprint: string; revision: number } | null {
  const id = blockId.startsWith(TICK.block) ? blockId.slice(TICK.block.length) : '';
  const [, revision, fingerprint] = /^(\d{1,9}):([0-9a-f]{32})$/.exec(value) ?? [];
  if (!/^ap_[0-9a-z]{1,60}$/.test(id) || revision === undefined || fingerprint === undefined) return null;
  return { id, fingerprint, revision: Number(revision) };
}
