import type { SentValue } from '../../domain/call/also-sent.ts';
import type { HiddenMarks } from '../../domain/call/hidden-marks.ts';
import { isObject, type Json, type JsonObject } from '../../domain/json/json.ts';
import { memberPath } from '../../domain/json/member-path.ts';
import { cut } from '../../text/cut.ts';
import { leftToRight } from '../../text/visible.ts';
import {
  type ArgumentLeaf,
  type ArgumentRow,
  argumentLeaves,
  argumentOutline,
  sentLeaves,
  shortenedRow,
} from './argument-rows.ts';
import { type Block, label, preformatted, richText } from './block-kit.ts';

/** As much of the arguments, or of what is sent besides them, as the card can show. */
export interface ArgumentBlock {
  readonly block: Block;
  /** Whether every name and every value is there, uncut. */
  readonly complete: boolean;
}

/** The headings of the two tables; the full view uses the same. */
export const TABLE_TITLES = { arguments: 'Arguments', sent: 'Also sent' } as const;

/** Characters per value that the card tries, most first. All values get the same, so that none hides another. */
const PER_VALUE = [1200, 600, 300, 120, 60, 24] as const;
/** More would push the buttons out of sight. */
const MOST_CHARACTERS = 5_000;
const MOST_ROWS = 60;
/** Characters of a name, where there is room for names only. */
const LONGEST_NAMED = 48;
/** How many names are counted at most. */
const MOST_COUNTED = 100_000;

/** The arguments within `budget` characters of JSON: every leaf, else every top-level member, else their names. */
export function argumentBlock(args: Json, marks: HiddenMarks, budget: number): ArgumentBlock {
  const room = Math.min(budget, MOST_CHARACTERS);
  const title = TABLE_TITLES.arguments;
  // Listing tens of thousands of names takes milliseconds, so it is done once.
  const names = isObject(args) ? Object.keys(args) : [];
  const byName = (): ArgumentBlock => named(title, names, (name) => memberPath('', name.slice(0, LONGEST_NAMED)), room);
  // Each member has a row at least.
  if (names.length > MOST_ROWS) return byName();
  const whole = fitting(title, argumentLeaves(args, MOST_ROWS + 1), marks, room);
  if (whole !== null) return whole;
  const outline = fitting(title, argumentOutline(args, MOST_ROWS), marks, room);
  // On the line of its member, a hidden value could not be told from a text that reads the same.
  if (outline !== null) return { ...outline, complete: outline.complete && marks === 'sent' };
  return byName();
}

/** What is sent besides the arguments within `budget` characters of JSON: every leaf, else their names. */
export function sentBlock(values: () => Iterable<SentValue>, marks: HiddenMarks, budget: number): ArgumentBlock {
  const room = Math.min(budget, MOST_CHARACTERS);
  const title = TABLE_TITLES.sent;
  const whole = fitting(title, sentLeaves(values(), MOST_ROWS + 1), marks, room);
  return whole ?? named(title, values(), ({ name }) => name, room);
}

/** Tries shorter and shorter values. A try ends where the room does, so that it costs no more than what is shown. */
function fitting(
  title: string,
  leaves: readonly ArgumentLeaf[],
  marks: HiddenMarks,
  room: number,
): ArgumentBlock | null {
  if (leaves.length > MOST_ROWS) return null;
  for (const limit of PER_VALUE) {
    const rows: ArgumentRow[] = [];
    let [size, complete] = [0, true];
    for (const leaf of leaves) {
      const { row, whole } = shortenedRow(leaf, marks, limit);
      rows.push(row);
      complete &&= whole;
      size += row.path.length + row.value.length;
      if (size > room) break;
    }
    if (size > room) continue;
    const block = table(title, rows);
    if (JSON.stringify(block).length <= room) return { block, complete };
  }
  return null;
}

/** As many names as there is room for, and how many more there are. */
function named<T>(title: string, all: Iterable<T>, nameOf: (item: T) => string, room: number): ArgumentBlock {
  const shown: string[] = [];
  let budget = room - 400;
  let more = 0;
  for (const item of all) {
    if (budget >= 0) {
      const short = cut(leftToRight(nameOf(item).slice(0, LONGEST_NAMED + 1)), LONGEST_NAMED);
      budget -= JSON.stringify(short).length;
      if (budget >= 0) shown.push(short);
    }
    if (budget >= 0) continue;
    if (Array.isArray(all)) more = Math.min(all.length - shown.length, MOST_COUNTED);
    else more += 1;
    if (more >= MOST_COUNTED || Array.isArray(all)) break;
  }
  const counted = `${more.toLocaleString('en-US')}${more >= MOST_COUNTED ? ' or more' : ''}`;
  const rest = more > 0 ? [label(`… and ${counted} more`)] : [];
  return {
    block: richText([label(`${title}, by name`), preformatted(shown.join(', ') || '…'), ...rest]),
    complete: false,
  };
}

function table(title: string, all: readonly ArgumentRow[]): Block {
  const elements: JsonObject[] = [label(title)];
  if (all.length === 0) elements.push(preformatted('(none)'));
  for (const group of groupedRows(all, Number.POSITIVE_INFINITY)) elements.push(...group.elements);
  return richText(elements);
}

const line = (row: ArgumentRow): string => (row.path === '' ? row.value : `${row.path}: ${row.value}`);

/** Elements that are not to be torn apart over pages. */
interface RowGroup {
  readonly elements: readonly JsonObject[];
}

/** Single-line rows share a box of at most `limit` characters; a value with line breaks gets a box of its own. */
export function groupedRows(all: readonly ArgumentRow[], limit: number): RowGroup[] {
  const groups: RowGroup[] = [];
  let lines: string[] = [];
  let size = 0;
  const flush = () => {
    if (lines.length > 0) groups.push({ elements: [preformatted(lines.join('\n'))] });
    lines = [];
    size = 0;
  };
  for (const row of all) {
    const text = line(row);
    if (row.multiline || text.length > limit) {
      flush();
      groups.push(...alone(row, limit));
      continue;
    }
    if (size + text.length + 1 > limit) flush();
    lines.push(text);
    size += text.length + 1;
  }
  flush();
  return groups;
}

function alone(row: ArgumentRow, limit: number): RowGroup[] {
  const parts = pieces(row.value, limit);
  const names = pieces(row.path === '' ? 'value' : row.path, limit);
  const part = (index: number) => (parts.length > 1 ? ` (part ${index + 1} of ${parts.length})` : '');
  const long = names.slice(0, -1).map((name) => ({ elements: [label(name)] }));
  return [
    ...long,
    ...parts.map((text, index) => ({ elements: [label(`${names.at(-1)}${part(index)}`), preformatted(text)] })),
  ];
}

/** Splits text into pieces of at most `limit` characters, never through the middle of one. */
export function pieces(text: string, limit: number): string[] {
  if (text.length <= limit) return [text];
  const found: string[] = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + limit, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    found.push(text.slice(at, end));
    at = end;
  }
  return found;
}
