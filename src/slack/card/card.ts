import { createHash } from 'node:crypto';
import type { Allowance } from '../../domain/allowance/allowance.ts';
import { type Approval, isOver, type StepUp } from '../../domain/approval/approval.ts';
import { CUE_WORDS, cuesOf } from '../../domain/approval/cue.ts';
import { FORGED_WORDS, forgedCause, isForged } from '../../domain/approval/forged.ts';
import { type SecondLook, secondLookSentence, secondLooks } from '../../domain/approval/second-look.ts';
import { snoozeMinutes, snoozeWords } from '../../domain/approval/snooze.ts';
import { alsoSent, sendsMore } from '../../domain/call/also-sent.ts';
import { hiddenMarks } from '../../domain/call/hidden-marks.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import { jsonBeginning } from '../../domain/json/beginning.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import { VIEW_BOUNDS } from '../../domain/view/view.ts';
import { cut } from '../../text/cut.ts';
import { glance } from '../../text/glance.ts';
import { leftToRight } from '../../text/visible.ts';
import { allowanceBlocks, allowButtons } from './allow-view.ts';
import { type ArgumentBlock, argumentBlock, sentBlock } from './argument-table.ts';
import {
  actions,
  type Block,
  button,
  fitsPlainText,
  header,
  LIMIT,
  numbered,
  plainText,
  section,
  withoutRichText,
} from './block-kit.ts';
import { buttonValue, snoozeValue } from './button.ts';
import { counterBlocks, counteredBlocks } from './counter-story.ts';
import { counterButtons } from './counter-view.ts';
import { codeSpan, escapedMrkdwn, personMention } from './escape.ts';
import {
  cueBlocks,
  factsSection,
  fineprintBlock,
  freezeBlocks,
  hiddenWarning,
  outcomeBlocks,
  reasonBlocks,
  reasonsAreWhole,
  signBlocks,
  summaryBlocks,
  waitingBlocks,
} from './sections.ts';
import { headline } from './story.ts';
import { previewOnCard, unusualBlocks, viewsOnCard } from './view-blocks.ts';

export interface CardOptions {
  /** The console's address, without a trailing slash; null for no link. */
  readonly publicUrl?: string | null;
  /** Nothing of it runs before this is lifted; null or absent: nothing stops it. */
  readonly freeze?: Freeze | null;
  /** What was allowed with this call, as it stands; null or absent: nothing. */
  readonly allowance?: Allowance | null;
  /** Renders the same card in plain text, for a Slack that refused rich text. */
  readonly plainText?: boolean;
}

export interface RenderedCard {
  /** For notifications and screen readers; escaped, at most 4000 characters. */
  readonly text: string;
  /** At most 50 blocks, at most 10,000 characters of JSON in all. */
  readonly blocks: Block[];
  /** The blocks as JSON, as they are posted. */
  readonly content: string;
  /** Hex SHA-256 of the content. */
  readonly digest: string;
  /** Whether everything is shown, uncut. If not, Approve opens the full view instead of approving (P10). */
  readonly complete: boolean;
}

/** Characters of JSON. Slack refuses a message of about 13,200 characters over all blocks; it does not document this. */
const BUDGET = 10_000;
/** Part of the room that the arguments get when there is more to show than they. */
const ARGUMENTS_SHARE = 0.6;
/** The button that opens the full view for a decision. */
const REVIEW = 'Review and approve…';
/** The link to the page on which an approval is signed. */
const SIGN = 'Review and sign…';
/** Characters that a block's id and its punctuation take. */
const NUMBERING = 26;
const MOST_VIEWS = VIEW_BOUNDS.views + 1;

/** Renders the card of an approval from its stored state alone: the same approval gives the same card. Pure. */
export function renderCard(approval: Approval, options: CardOptions = {}): RenderedCard {
  const { parts, complete } = isForged(approval) ? forgedCard(approval) : layOut(approval, options);
  // Beside the budget, so that a freeze changes nothing of what else the card shows and whether it is complete.
  const [top, ...rest] = parts;
  const beside = isForged(approval) ? [] : allowanceBlocks(approval, options.allowance ?? null);
  const all = numbered(
    [top!, ...freezeBlocks(approval, options.freeze ?? null), ...beside, ...rest],
    approval.revision,
    isForged(approval) ? null : (approval.trace.salt ?? null),
  );
  const blocks = options.plainText ? withoutRichText(all) : all;
  const content = JSON.stringify(blocks);
  const digest = createHash('sha256').update(content).digest('hex');
  return { text: cut(summary(approval), LIMIT.message), blocks, content, digest, complete };
}

/** Whether the card shows everything, uncut. A click on Approve is judged by this. */
export function cardIsComplete(approval: Approval, options: CardOptions = {}): boolean {
  return !isForged(approval) && layOut(approval, options).complete;
}

/** The same, but for what is hidden although no policy says so: whoever asks for the yes elsewhere warns of that there. */
export function cardFits(approval: Approval, options: CardOptions = {}): boolean {
  return !isForged(approval) && layOut(approval, options).fits;
}

/** Nothing of the record is shown: who changed it chose what it says. */
function forgedCard(approval: Approval): { parts: Block[]; complete: boolean } {
  const found = `The record of ${codeSpan(approval.id)} ${FORGED_WORDS[approval.broken ?? 'state']}. ${forgedCause(approval)}`;
  const parts = [
    header('🛑 Holdfast will not run this'),
    section(`${found}\nNothing of it runs, and nobody can decide it.`),
  ];
  return { parts, complete: false };
}

function layOut(approval: Approval, options: CardOptions): { parts: Block[]; complete: boolean; fits: boolean } {
  const before = [
    header(
      cut(
        `${cuePrefix(approval)}${headline(approval)}: ${leftToRight(`${approval.server}.${approval.tool}`)}`,
        LIMIT.header,
      ),
    ),
    ...cueBlocks(approval),
    ...outcomeBlocks(approval),
    ...counteredBlocks(approval),
    ...counterBlocks(approval),
    ...summaryBlocks(approval),
    ...unusualBlocks(approval, 'card'),
    ...reasonBlocks(approval, 'card'),
  ];
  const warning = hiddenWarning(approval);
  const after = (fits: boolean): Block[] => [
    ...(fits && warning === null ? [] : [section(whyReview(approval, fits, warning))]),
    ...signBlocks(approval),
    // Below what is decided about: half of it repeats the header.
    factsSection(approval),
    ...waitingBlocks(approval),
    fineprintBlock(approval),
    ...buttons(approval, fits && warning === null, options),
  ];
  const frame = [...before, ...after(false)];
  const budget = BUDGET - JSON.stringify(frame).length - NUMBERING * (frame.length + 1);
  const tables = tablesOf(approval, budget);
  // What is bound comes first: views and preview get what room is left, and say where there is more.
  const left = budget - tables.reduce((sum, { block }) => sum + JSON.stringify(block).length + NUMBERING, 0);
  const preview = previewOnCard(approval, Math.floor(left / 2));
  const views = viewsOnCard(approval.arguments, left - lengthOf(preview) - NUMBERING * MOST_VIEWS);
  const shown = [...views, ...tables.map((table) => table.block), ...preview];
  const fits =
    tables.every((table) => table.complete) &&
    reasonsAreWhole(approval) &&
    (!options.plainText || fitsPlainText([...before, ...shown, ...after(true)]));
  return { parts: [...before, ...shown, ...after(fits)], complete: fits && warning === null, fits };
}

function lengthOf(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + JSON.stringify(block).length + NUMBERING, 0);
}

/** The arguments, and what is sent besides them. If they do not fit together, each gets at least its share of the room. */
function tablesOf(approval: Approval, budget: number): ArgumentBlock[] {
  const marks = hiddenMarks(approval);
  if (!sendsMore(approval.sent)) return [argumentBlock(approval.arguments, marks, budget)];
  const room = budget - NUMBERING;
  const length = (table: ArgumentBlock) => JSON.stringify(table.block).length;
  const { values } = alsoSent(approval.sent);
  const args = argumentBlock(approval.arguments, marks, Math.floor(room * ARGUMENTS_SHARE));
  const sent = sentBlock(values, marks, room - length(args));
  return [args.complete ? args : argumentBlock(approval.arguments, marks, room - length(sent)), sent];
}

function summary(approval: Approval): string {
  if (isForged(approval))
    return `🛑 Holdfast will not run this: the record of ${codeSpan(approval.id)} ${approval.broken === 'secret' ? FORGED_WORDS.secret : 'was changed outside it'}`;
  const call = escapedMrkdwn(leftToRight(`${approval.server}.${approval.tool}`));
  const owner = approval.owner === null ? '' : ` on behalf of ${personMention(approval.owner)}`;
  const said = approval.trace.summary?.map((part) =>
    'text' in part ? escapedMrkdwn(part.text) : codeSpan(part.value),
  );
  const words = said === undefined ? '' : `. ${said.join('')}`;
  return `${cuePrefix(approval)}${headline(approval)}: ${call} for ${codeSpan(grantNameOf(approval.grant))}${owner}${words}`;
}

/** The gravest of what makes it look different, as a sign and words; empty: nothing does. */
function cuePrefix(approval: Approval): string {
  const [first] = cuesOf(approval);
  return first === undefined ? '' : `${CUE_WORDS[first].sign} ${CUE_WORDS[first].short} · `;
}

/** Why the decision is made in the full view. mrkdwn. */
function whyReview(approval: Approval, fits: boolean, warning: string | null): string {
  if (approval.state !== 'pending') return 'Not everything fits here; the full view shows the rest.';
  return [
    ...(fits ? [] : ['⚠ *Not everything fits here* (`…` and `(+n)` mark what was cut).']),
    ...(warning === null ? [] : [warning]),
    ...(approval.requirement.stepUp === undefined
      ? [`*${REVIEW}* opens the full view, and the decision is made there.`]
      : []),
  ].join('\n');
}

/** Approve and Deny are there only while the approval can still be decided; then a yes can be taken back until it is used. */
function buttons(approval: Approval, complete: boolean, { publicUrl }: CardOptions): Block[] {
  const value = buttonValue(approval);
  const call = leftToRight(`${approval.server}.${approval.tool}`);
  const elements: JsonObject[] = [];
  if (approval.state === 'pending') {
    const looks = secondLooks(approval, [], approval.createdAt);
    const confirm = looks.length > 0 ? { confirm: confirmation(approval, call, looks) } : {};
    const { stepUp } = approval.requirement;
    if (stepUp !== undefined) elements.push(...signButton(approval, stepUp));
    else
      elements.push(
        complete
          ? button({ action: 'approve', text: 'Approve', value, style: 'primary', ...confirm })
          : button({ action: 'review', text: REVIEW, value, style: 'primary' }),
      );
    if (complete && stepUp === undefined) elements.push(...allowButtons(approval));
    elements.push(button({ action: 'deny', text: 'Deny…', value, style: 'danger' }), ...counterButtons(approval));
  }
  if (approval.state === 'approved') {
    elements.push(button({ action: 'take_back', text: 'Take back approval…', value, style: 'danger' }));
  }
  if (!isOver(approval.state) || !complete) elements.push(button({ action: 'details', text: 'View details', value }));
  if (approval.state === 'pending') elements.push(...snoozeMenu(approval));
  if (publicUrl)
    elements.push(button({ action: 'open_console', text: 'Audit log', url: consoleUrl(publicUrl, approval) }));
  return elements.length === 0 ? [] : [actions(elements)];
}

/** For the person who chooses alone. What could not be over before the question expires is not offered. */
function snoozeMenu(approval: Approval): JsonObject[] {
  const options = snoozeMinutes(approval, approval.createdAt).map((minutes) => ({
    text: plainText(`💤 Snooze for me: ${snoozeWords(minutes)}`),
    value: snoozeValue(approval, minutes),
  }));
  return options.length === 0 ? [] : [{ type: 'overflow', action_id: 'snooze', options }];
}

/** A link to the console's page of this approval, where a passkey signs. It decides nothing. */
function signButton(approval: Approval, { origin }: StepUp): JsonObject[] {
  if (origin === null) return [];
  return [button({ action: 'sign', text: SIGN, url: consoleUrl(origin, approval), style: 'primary' })];
}

function consoleUrl(publicUrl: string, approval: { readonly id: string }): string {
  return `${publicUrl}/approvals/${encodeURIComponent(approval.id)}`;
}

/**
 * Slack asks once more before it sends the click: with the call, its agent and its arguments again, as far as Slack's 300
 * characters go, and why it asks.
 */
function confirmation(approval: Approval, call: string, looks: readonly SecondLook[]): JsonObject {
  const why = looks
    .map((look) => (look.kind === 'ran' ? `${secondLookSentence(look)} (${look.id})` : secondLookSentence(look)))
    .join(' ');
  const what = `${cut(leftToRight(grantNameOf(approval.grant)), 40)} runs ${cut(call, 80)} once, as shown. `;
  const room = LIMIT.confirmText - what.length - 'Arguments: '.length - 1;
  const reasons = cut(why, Math.floor(room * 0.6));
  const args = glance(jsonBeginning(approval.arguments, room), room - reasons.length, leftToRight);
  return {
    title: plainText('Approve this call?'),
    text: plainText(cut(`${what}Arguments: ${args} ${reasons}`, LIMIT.confirmText)),
    confirm: plainText('Approve'),
    deny: plainText('Not yet'),
    style: 'primary',
  };
}
