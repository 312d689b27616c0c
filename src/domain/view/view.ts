import { counted } from '../../text/plural.ts';
import { indentedFits, isDeeper } from '../json/indented.ts';
import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import { memberPath } from '../json/member-path.ts';
import { REDACTED } from '../json/redact.ts';
import { hasMemberTwice } from '../json/twice.ts';
import { commandText, looksLikeSql, octetsOf, type PastFile, pastFile } from './forms.ts';
import { DIFF_BOUNDS, lineDiff } from './line-diff.ts';
import { isEditPair, NAMES, PAIRS } from './names.ts';

export type ViewKind = 'edit' | 'patch' | 'command' | 'sql' | 'file' | 'json';

/** One line of a view. `text`: as the call has it, not yet safe to show. `mark`: what the line is in an edit. */
export interface ViewLine {
  readonly mark: '' | ' ' | '-' | '+' | '…';
  readonly text: string;
}

/**
 * A value of a call's arguments shown as what it is, beside the arguments as they came, which say the same (P10). `says`
 * is in our own words; `path` and `name` are the call's.
 */
export interface View {
  readonly kind: ViewKind;
  /** Where it stands in the arguments; of an edit, the new text. */
  readonly path: string;
  /** What it is, in words that follow the path: `an edit: 1 line out, 2 in`. */
  readonly says: string;
  /** A file's name; null: it has none here. */
  readonly name: string | null;
  /** Empty: `says` tells why nothing is shown. */
  readonly lines: readonly ViewLine[];
  /** Every line of the value is there. A file may show its first ones only, and says so. */
  readonly whole: boolean;
}

/** How much is looked at and shown; whatever is beyond stays among the arguments. `views`: one more tells that there are more. */
export const VIEW_BOUNDS = { views: 12, values: 5_000, depth: 6, lines: 400, units: 24_000, firstLines: 20 } as const;

/** The views of a call's arguments, in the order in which the values stand there. Pure; linear but for what `DIFF_BOUNDS` allow. */
export function viewsOf(args: Json): View[] {
  const views: View[] = [];
  const open: { readonly value: Json; readonly path: string; readonly depth: number }[] = [
    { value: args, path: '', depth: 0 },
  ];
  let room = VIEW_BOUNDS.values;
  let diffUnits: number = 2 * DIFF_BOUNDS.units;
  /** The first place that was not looked at. */
  let beyond: string | null = null;
  for (let next = open.shift(); next !== undefined && views.length <= VIEW_BOUNDS.views; next = open.shift()) {
    const { value, path, depth } = next;
    if (typeof value !== 'object' || value === null) continue;
    if (depth > VIEW_BOUNDS.depth) {
      if (Object.keys(value).length > 0) beyond ??= path;
      continue;
    }
    const inner: typeof open = [];
    if (Array.isArray(value)) {
      const items = value as readonly Json[];
      for (let at = 0; at < items.length && room > 0; at++, room--)
        inner.push({ value: items[at]!, path: `${path}[${at}]`, depth: depth + 1 });
      if (inner.length < items.length) beyond ??= `${path}[${inner.length}]`;
    } else {
      const names = Object.keys(value);
      if (names.length > room) {
        beyond ??= path;
        continue;
      }
      room -= names.length;
      for (const view of viewsAt(value as JsonObject, path)) {
        if (views.length === VIEW_BOUNDS.views) {
          views.push(notShown(view.path));
          break;
        }
        if (view.units !== undefined) diffUnits -= view.units;
        views.push(diffUnits < 0 ? view.instead() : view.view());
      }
      for (const name of names) {
        const inside = (value as JsonObject)[name]!;
        if (typeof inside === 'object') inner.push({ value: inside, path: memberPath(path, name), depth: depth + 1 });
      }
    }
    open.unshift(...inner);
  }
  if (beyond !== null && views.length > 0 && views.length <= VIEW_BOUNDS.views) views.push(notShown(beyond));
  return views;
}

/** The last one, where there are more, or where not everything was looked at: nobody takes those before it for all. */
function notShown(path: string): View {
  const says = 'this, and what may follow, stands among the arguments only';
  return { kind: 'json', path, says, name: null, lines: [], whole: false };
}

/** A view that is made when there is still room for it. `units`: what a diff has to read. */
interface PossibleView {
  readonly path: string;
  readonly units?: number;
  readonly view: () => View;
  /** What is said where there is no room for a diff any more. */
  readonly instead: () => View;
}

/** Each is made when it is asked for: behind the last that is shown, nothing is looked at any more. */
function* viewsAt(object: JsonObject, path: string): Generator<PossibleView> {
  const used = new Set<string>();
  const text = (name: string): string | null => {
    const value = Object.hasOwn(object, name) ? object[name] : undefined;
    // What is hidden may differ where its marks are equal.
    return typeof value !== 'string' || value.includes(REDACTED) ? null : value;
  };
  const always = (view: View): PossibleView => ({ path: view.path, view: () => view, instead: () => view });
  for (const [old, now] of PAIRS) {
    const [before, after] = [text(old), text(now)];
    if (before === null || after === null || used.has(old) || used.has(now) || !isEditPair(old, before, after))
      continue;
    if (hasRival(object, old, now)) continue;
    used.add(old).add(now);
    const at = memberPath(path, now);
    yield {
      path: at,
      units: before.length + after.length,
      view: () => editView(at, before, after),
      instead: () => tooLarge(at, before, after),
    };
  }
  const file = pastFile(object, text);
  if (file !== null && !used.has(file.member)) {
    used.add(file.member);
    yield always(fileView(memberPath(path, file.member), file));
  }
  for (const name of Object.keys(object)) {
    if (used.has(name)) continue;
    const view = valueView(object, name, path, text(name));
    if (view !== null) yield always(view);
  }
}

/** Whether another text stands in for the old or the new one: which of them counts only the server knows. */
function hasRival(object: JsonObject, old: string, now: string): boolean {
  return PAIRS.some(([one, other]) => {
    if ((one === old) === (other === now)) return false;
    const rival = member(object, one === old ? other : one);
    return rival !== undefined && rival !== null && rival !== '';
  });
}

function valueView(object: JsonObject, name: string, path: string, text: string | null): View | null {
  const at = memberPath(path, name);
  const known = name.toLowerCase();
  if (NAMES.command.has(known)) {
    const command = commandText(object, name);
    if (command !== null) return plainView('command', at, `a command, ${sizeOf(command)}`, command);
  }
  if (text === null || text === '') return null;
  if (NAMES.patch.has(known) && /^(?:@@ |--- |diff --git |\*\*\* Begin Patch)/m.test(text.slice(0, 4_096))) {
    return plainView('patch', at, `a patch, ${sizeOf(text)}`, text);
  }
  if (NAMES.sql.has(known) && looksLikeSql(text)) return plainView('sql', at, `SQL, ${sizeOf(text)}`, text);
  const pretty = prettyText(text);
  if (pretty === null) return null;
  const says = `JSON in a text, ${sizeOf(text)}`;
  return pretty === 'long' ? notRepeated('json', at, says) : plainView('json', at, says, pretty.text);
}

function editView(path: string, before: string, after: string): View {
  const diff = lineDiff(before, after);
  if (diff === null) return tooLarge(path, before, after);
  const lines = diff.lines.map(
    (line): ViewLine =>
      line.mark === '…'
        ? { mark: '…', text: `${counted(line.equal, 'equal line')} not repeated here` }
        : { mark: line.mark, text: line.text },
  );
  if (!fits(lines)) return tooLarge(path, before, after);
  const what =
    before === after
      ? 'nothing changes'
      : `${counted(diff.removed, 'line')} out, ${diff.added.toLocaleString('en-US')} in`;
  return { kind: 'edit', path, says: `an edit: ${what}`, name: null, lines, whole: true };
}

function tooLarge(path: string, before: string, after: string): View {
  const says = `an edit, too large for a diff: ${sizeOf(before)} become ${sizeOf(after)}; both are among the arguments`;
  return { kind: 'edit', path, says, name: null, lines: [], whole: false };
}

/** Lines that are all shown, or none of them: what is left out here could be what matters. */
function plainView(kind: ViewKind, path: string, says: string, text: string): View {
  const lines = text.split('\n', VIEW_BOUNDS.lines + 1).map((line): ViewLine => ({ mark: '', text: line }));
  return fits(lines) ? { kind, path, says, name: null, lines, whole: true } : notRepeated(kind, path, says);
}

function notRepeated(kind: ViewKind, path: string, says: string): View {
  return { kind, path, says: `${says}; it is among the arguments`, name: null, lines: [], whole: false };
}

function fileView(path: string, file: PastFile): View {
  const { name, text, octets, packed } = file;
  const size = counted(octets, 'byte');
  const how = packed ? ', sent as base64' : '';
  if (text === null)
    return { kind: 'file', path, says: `a file of ${size}${how}, not text`, name, lines: [], whole: false };
  const all = text.split('\n', VIEW_BOUNDS.firstLines + 1);
  const first = all.slice(0, VIEW_BOUNDS.firstLines).map((line): ViewLine => ({ mark: '', text: line }));
  const whole = all.length <= VIEW_BOUNDS.firstLines && !file.cut && fits(first);
  const lines = fits(first) ? first : [];
  const shown = whole ? '' : lines.length === 0 ? '; its lines are among the arguments' : '; its first lines';
  return { kind: 'file', path, says: `a file of ${size}${how}${shown}`, name, lines, whole };
}

function fits(lines: readonly ViewLine[]): boolean {
  return (
    lines.length <= VIEW_BOUNDS.lines && lines.reduce((sum, { text }) => sum + text.length + 2, 0) <= VIEW_BOUNDS.units
  );
}

/**
 * JSON within a text, indented; null: it is none, is nested too deeply, or indenting it would lose something of it. `long`: nobody would be shown
 * it, so it is not made: what is nested deeply is thousands of times as long with its indentation.
 */
function prettyText(text: string): { readonly text: string } | 'long' | null {
  if (text.length > VIEW_BOUNDS.units || !/^\s*[[{]/.test(text) || hasNewline(text)) return null;
  // Each level takes two lines. Writing what is nested without end takes long, and may fail.
  if (isDeeper(text, VIEW_BOUNDS.lines / 2)) return null;
  try {
    const value = JSON.parse(text) as Json;
    if ((!isObject(value) && !Array.isArray(value)) || hasMemberTwice(text)) return null;
    // Numbers and escapes may read otherwise once they were parsed: then the text stays as it is.
    const bare = text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1');
    if (bare !== JSON.stringify(value)) return null;
    return indentedFits(bare, VIEW_BOUNDS) ? { text: JSON.stringify(value, null, 2) } : 'long';
  } catch {
    return null;
  }
}

function hasNewline(text: string): boolean {
  return text.includes('\n');
}

function sizeOf(text: string): string {
  const lines = text.split('\n').length;
  return lines > 1 ? counted(lines, 'line') : counted(octetsOf(text), 'byte');
}
