import type { Approval } from '../../domain/approval/approval.ts';
import { alsoSent } from '../../domain/call/also-sent.ts';
import { hiddenMarks } from '../../domain/call/hidden-marks.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { cut } from '../../text/cut.ts';
import type { CardPlace } from '../place/card-place.ts';
import { type ArgumentLeaf, argumentLeaves, sentLeaves, wholeRow } from './argument-rows.ts';
import { groupedRows, TABLE_TITLES } from './argument-table.ts';
import { actions, type Block, button, LIMIT, label, plainText, preformatted, richText, section } from './block-kit.ts';
import { buttonValue, viewMemory } from './button.ts';
import {
  cueBlocks,
  factsSection,
  fineprintBlock,
  hiddenWarning,
  reasonBlocks,
  summaryBlocks,
  waitingBlocks,
} from './sections.ts';
import { headline, stateSentence } from './story.ts';
import { previewInFull, unusualBlocks, viewsInFull } from './view-blocks.ts';

export type ModalView = JsonObject;

/** Most characters of one block's text; Slack documents 3000. */
const TEXT = 2800;
/** Most characters of JSON of one page's arguments; Slack takes 250 kB, and one character may be three bytes. */
const PAGE = 60_000;
const PAGE_BLOCKS = 60;

/** `block_id` and `action_id` of the input for a reason or note, and the most characters it takes. */
export const REASON_INPUT = { block: 'words', action: 'words', longest: 1000 } as const;

/**
 * The full view: every argument and whatever else is sent, uncut, in pages. Approve is on the last page only, so that nobody reaches it without
 * passing everything there is to see. Without `mayDecide`, the view has nothing that decides. `allow`: what stands there with it, to
 * approve the like too.
 */
export function fullView(
  approval: Approval,
  from: CardPlace,
  page: number,
  mayDecide: boolean,
  allow: readonly Block[] = [],
): ModalView {
  const pages = callPages(approval);
  const at = Math.min(page, pages.length - 1);
  const { title, blocks: table } = pages[at]!;
  const last = at === pages.length - 1;
  const warning = hiddenWarning(approval);
  const decides = mayDecide && approval.state === 'pending';
  const blocks = [
    section(`*${headline(approval)}*${approval.state === 'pending' ? '' : `\n${stateSentence(approval)}`}`),
    ...(at === 0
      ? [
          ...cueBlocks(approval),
          ...summaryBlocks(approval),
          ...unusualBlocks(approval, 'full view'),
          ...reasonBlocks(approval, 'full view'),
        ]
      : []),
    richText([label(pages.length > 1 ? `${title}, page ${at + 1} of ${pages.length}` : title)]),
    ...table,
    ...(warning === null || !last ? [] : [section(warning)]),
    factsSection(approval),
    ...waitingBlocks(approval).slice(0, 1),
    fineprintBlock(approval),
    ...navigation(approval, at, pages.length, decides),
    ...(decides && last ? allow : []),
    ...(decides && last ? [noteInput()] : []),
  ];
  return {
    type: 'modal',
    callback_id: 'approve_view',
    title: plainText(decides ? 'Approve this call?' : 'The whole call'),
    close: plainText('Close'),
    ...(decides && last ? { submit: plainText('Approve') } : {}),
    private_metadata: memoryOf(approval, from, at),
    blocks,
  };
}

/** Asks for the reason, required or optional as policy says. */
export function denyView(approval: Approval, from: CardPlace): ModalView {
  const required = approval.requirement.denyReason === 'required';
  return {
    type: 'modal',
    callback_id: 'deny_view',
    title: plainText('Deny this call'),
    submit: plainText('Deny'),
    close: plainText('Back'),
    private_metadata: memoryOf(approval, from, 0),
    blocks: [
      factsSection(approval),
      textInput('Reason (shown to the agent)', !required, true),
      ...(approval.answersTo === null ? [standingInput(approval)] : []),
      fineprintBlock(approval, false),
    ],
  };
}

/** Asks why an approved call that has not run must not run after all. */
export function takeBackView(approval: Approval, from: CardPlace): ModalView {
  const required = approval.requirement.denyReason === 'required';
  return {
    type: 'modal',
    callback_id: 'take_back_view',
    title: plainText('Take back approval'),
    submit: plainText('Take it back'),
    close: plainText('Keep it approved'),
    private_metadata: memoryOf(approval, from, 0),
    blocks: [
      factsSection(approval),
      section(stateSentence(approval)),
      textInput('Reason (shown to the agent)', !required, true),
      fineprintBlock(approval, false),
    ],
  };
}

/** Shows one text and can only be closed. */
export function noticeView(title: string, text: string): ModalView {
  return {
    type: 'modal',
    title: plainText(cut(title, LIMIT.title)),
    close: plainText('Close'),
    blocks: [section(text)],
  };
}

export function pageCount(approval: Approval): number {
  return callPages(approval).length;
}

export function memoryOf(approval: Approval, { channel, ts }: CardPlace, page: number): string {
  const [, fingerprint] = buttonValue(approval).split(':');
  return viewMemory({ approval: approval.id, fingerprint: fingerprint!, page, channel, ts });
}

/** All of a call's tables, as the pages of the full view have them. */
export function wholeTables(approval: Approval): Block[] {
  return callPages(approval).flatMap(({ title, blocks }, page) => [
    ...(page === 0 ? [richText([label(title)])] : []),
    ...blocks,
  ]);
}

/** One page of the full view: what its first table is, and its blocks. */
interface CallPage {
  readonly title: string;
  readonly blocks: Block[];
}

/** The arguments, then what is sent besides them under a heading of its own. */
function callPages(approval: Approval): CallPage[] {
  const marks = hiddenMarks(approval);
  const pages: CallPage[] = [{ title: TABLE_TITLES.arguments, blocks: [] }];
  let size = 0;
  const add = (title: string, block: Block) => {
    const weight = JSON.stringify(block).length;
    if (size + weight > PAGE || pages.at(-1)!.blocks.length >= PAGE_BLOCKS) {
      pages.push({ title, blocks: [] });
      size = 0;
    }
    pages.at(-1)!.blocks.push(block);
    size += weight;
  };
  const addTable = (title: string, leaves: readonly ArgumentLeaf[]) => {
    const rows = leaves.map((leaf) => wholeRow(leaf, marks));
    const groups = rows.length === 0 ? [{ elements: [preformatted('(none)')] }] : groupedRows(rows, TEXT);
    for (const { elements } of groups) add(title, richText(elements));
  };
  for (const view of viewsInFull(approval.arguments)) add(TABLE_TITLES.arguments, view);
  addTable(TABLE_TITLES.arguments, argumentLeaves(approval.arguments));
  const sent = sentLeaves(alsoSent(approval.sent).everything());
  if (sent.length > 0) {
    add(TABLE_TITLES.sent, richText([label(TABLE_TITLES.sent)]));
    addTable(TABLE_TITLES.sent, sent);
  }
  for (const block of previewInFull(approval)) add(TABLE_TITLES.arguments, block);
  return pages;
}

function navigation(approval: Approval, page: number, pages: number, decides: boolean): Block[] {
  const value = buttonValue(approval);
  const turns = [
    ...(page > 0 ? [button({ action: 'previous_page', text: '← Previous page', value })] : []),
    ...(page < pages - 1 ? [button({ action: 'next_page', text: 'Next page →', value })] : []),
  ];
  // In a row of its own: it never comes to stand where a button to turn the page was a moment ago.
  const deny = decides ? [actions([button({ action: 'deny', text: 'Deny…', value, style: 'danger' })])] : [];
  const hint = decides && page < pages - 1 ? [section('Approve is on the last page.')] : [];
  return [...hint, ...(turns.length === 0 ? [] : [actions(turns)]), ...deny];
}

const noteInput = (): Block => textInput('Note (kept with the decision)', true);

/** A field of its own for what a person types, besides the reason. */
interface FieldTerms {
  readonly id: string;
  readonly initial?: string;
  /** Characters. */
  readonly longest: number;
}

/** No focus in the full view, where the arguments come first: it would scroll past them. */
export function textInput(text: string, optional: boolean, own: FieldTerms | boolean = false): Block {
  const field = typeof own === 'boolean' ? null : own;
  return {
    type: 'input',
    block_id: field?.id ?? REASON_INPUT.block,
    optional,
    label: plainText(text),
    element: {
      type: 'plain_text_input',
      action_id: field?.id ?? REASON_INPUT.action,
      multiline: field === null,
      max_length: field?.longest ?? REASON_INPUT.longest,
      focus_on_load: own === true,
      ...(field?.initial === undefined ? {} : { initial_value: field.initial }),
    },
  };
}

/** Minutes for which the like is denied too. */
export const STANDING_MINUTES = 60;

/** `block_id` and `action_id`, and the value that is chosen. */
export const STANDING_INPUT = { id: 'standing', value: String(STANDING_MINUTES) } as const;

function standingInput({ trace }: Approval): Block {
  const varied = trace.allowance?.mayVary ?? [];
  const like = varied.length === 0 ? 'this call again' : `the same call with another ${varied.join(', ')} too`;
  return {
    type: 'input',
    block_id: STANDING_INPUT.id,
    optional: true,
    label: plainText('The like'),
    element: {
      type: 'checkboxes',
      action_id: STANDING_INPUT.id,
      options: [
        {
          text: plainText('Deny, and the like for an hour'),
          description: plainText(cut(`${like}: answered at once with your reason`, LIMIT.option)),
          value: STANDING_INPUT.value,
        },
      ],
    },
  };
}
