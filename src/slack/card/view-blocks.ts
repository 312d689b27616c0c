import type { Approval } from '../../domain/approval/approval.ts';
import type { Preview } from '../../domain/approval/facts.ts';
import { previewSays } from '../../domain/approval/preview-text.ts';
import { unusualBesideCues } from '../../domain/approval/unusual.ts';
import type { Json, JsonObject } from '../../domain/json/json.ts';
import type { SummaryPart } from '../../domain/policy/summary.ts';
import { shownLine } from '../../domain/view/shown-line.ts';
import { type View, viewsOf } from '../../domain/view/view.ts';
import { cut } from '../../text/cut.ts';
import { leftToRight, visible } from '../../text/visible.ts';
import { pieces } from './argument-table.ts';
import { type Block, preformatted, richText } from './block-kit.ts';

/** Characters of a view's box on the card, and of all views' JSON there; those of a preview. */
const ON_CARD = { box: 1_800, all: 3_600, preview: 600 } as const;
const MORE_VIEWS = 'More of the arguments is not shown again here; the full view does.';
/** Lines of what is unusual that the card has. */
const LINES_ON_CARD = 4;
/** Characters of a path, or of a file's name. */
const LONGEST_NAME = 120;
/** Characters of a box of the full view; Slack documents 3000. */
const BOX = 2_800;
/** What the blocks around one view's box take, in characters of JSON. */
const AROUND = 300;

/** Values of the arguments as what they are, as far as `room` characters of JSON go: each whole, or only named, and told where there are more. */
export function viewsOnCard(args: Json, room: number): Block[] {
  const more = richText([{ type: 'rich_text_section', elements: [text(MORE_VIEWS)] }]);
  let left = Math.min(room, ON_CARD.all) - JSON.stringify(more).length;
  const blocks: Block[] = [];
  for (const view of viewsOf(args)) {
    const text = boxOf(view);
    const fits = text.length <= ON_CARD.box && view.lines.length > 0;
    const shown = fits ? viewBlock(view, [text]) : viewBlock(view, [], text === '' ? '' : '; the full view shows it');
    const named = viewBlock(view, [], text === '' ? '' : '; the full view shows it');
    const block = [shown, named].find((one) => JSON.stringify(one).length <= left);
    if (block === undefined) return left < 0 ? blocks : [...blocks, more];
    left -= JSON.stringify(block).length;
    blocks.push(block);
  }
  return blocks;
}

/** The same, all of them, in boxes that Slack takes. */
export function viewsInFull(args: Json): Block[] {
  return viewsOf(args).flatMap((view) => {
    const text = boxOf(view);
    const parts = text === '' ? [] : pieces(text, BOX);
    if (parts.length < 2) return [viewBlock(view, parts)];
    return parts.map((part, at) => viewBlock(view, [part], ` (part ${at + 1} of ${parts.length})`));
  });
}

function boxOf(view: View): string {
  return view.lines.map(shownLine).join('\n');
}

function viewBlock({ path, says, name }: View, boxes: readonly string[], more = ''): Block {
  const named = name === null ? [] : [text(', '), code(cut(leftToRight(name), LONGEST_NAME))];
  const title = {
    type: 'rich_text_section',
    elements: [code(cut(leftToRight(path), LONGEST_NAME)), ...named, text(`: ${says}${more}`)],
  };
  // Slack refuses empty text.
  return richText([title, ...boxes.map((box) => preformatted(box === '' ? ' ' : box))]);
}

const text = (words: string): JsonObject => ({ type: 'text', text: words });
const bold = (words: string): JsonObject => ({ type: 'text', text: words, style: { bold: true } });
const code = (words: string): JsonObject => ({ type: 'text', text: words, style: { code: true } });

/** What is unusual about the call: our own words, with the call's values set as code. The card has the first few lines. */
export function unusualBlocks(approval: Approval, where: 'card' | 'full view'): Block[] {
  const all = unusualBesideCues(approval);
  if (all.length === 0) return [];
  const lines = where === 'card' ? all.slice(0, LINES_ON_CARD) : all;
  const more = all.length - lines.length;
  const elements = [
    ...lines.flatMap((line) => [text('\n• '), ...line.map(partOf)]),
    ...(more === 0 ? [] : [text(`\n• ${more} more in the full view`)]),
  ];
  return [richText([{ type: 'rich_text_section', elements: [bold('⚠ Unusual'), ...elements] }])];
}

function partOf(part: SummaryPart): JsonObject {
  return 'text' in part ? text(part.text) : code(cut(leftToRight(part.value), LONGEST_NAME));
}

/** What the server said when it was asked how things stand, marked as its word; or why there is nothing. */
export function previewOnCard({ facts }: Approval, room: number): Block[] {
  const preview = facts?.preview ?? null;
  if (preview === null) return [];
  const shown = preview.kind === 'said' ? boxOfPreview(preview) : '';
  const most = Math.min(ON_CARD.preview, room - AROUND);
  const short = most > 40 ? cut(shown, most) : '';
  const rest = short.length < shown.length ? ', cut here; the full view shows what is kept' : '';
  return [previewBlock(preview, short === '' ? [] : [short], rest)];
}

export function previewInFull({ facts }: Approval): Block[] {
  const preview = facts?.preview ?? null;
  if (preview === null) return [];
  if (preview.kind === 'none') return [previewBlock(preview, [])];
  const parts = pieces(boxOfPreview(preview), BOX);
  return parts.map((part, at) =>
    previewBlock(preview, [part], parts.length > 1 ? ` (part ${at + 1} of ${parts.length})` : ''),
  );
}

function boxOfPreview({ text: said }: Extract<Preview, { kind: 'said' }>): string {
  return said
    .split('\n')
    .map((line) => line.split('\t').map(visible).join('    '))
    .join('\n');
}

function previewBlock(preview: Preview, boxes: readonly string[], more = ''): Block {
  const words = [...previewSays(preview).map(partOf), ...(more === '' ? [] : [text(more)])];
  const title = { type: 'rich_text_section', elements: [bold('How it stands: '), ...words] };
  return richText([title, ...boxes.map((box) => preformatted(box.trim() === '' ? '(blank)' : box))]);
}
