import { html } from 'hono/html';
import type { HiddenMarks } from '../../domain/call/hidden-marks.ts';
import { indentedFits } from '../../domain/json/indented.ts';
import { isObject, type Json } from '../../domain/json/json.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import type { Html } from './html.ts';
import { visibleInTurns, visibleLine, visibleText } from './visible-text.ts';

/** Characters above which JSON is shown without colours, so that the page still opens. */
const PLAIN_ABOVE = 100_000;
/** Characters above which it is not indented either: each of a million values sixty levels deep has a line of its own. */
const UNINDENTED_ABOVE = 8_000_000;
/** About as many characters stand around a value. */
const AROUND_A_VALUE = 8;

/**
 * A whole JSON value, indented and coloured, as data: nothing is left out. `label` is for screen readers. `marks`: what a
 * text that reads `[redacted]` is; unless it stands for a hidden value, it is a text like any other.
 */
export function jsonBlock(value: Json, label: string, marks: HiddenMarks = 'sent'): Html {
  if (!isLong(value)) return region(coloured(value, '', marks), label);
  const bare = JSON.stringify(value);
  const fits = indentedFits(bare, { lines: Number.POSITIVE_INFINITY, units: UNINDENTED_ABOVE });
  return region(visibleInTurns(fits ? prettyJson(value) : bare), label);
}

/** Whether a value's JSON has more characters than are shown in colours. Reads no further than that. */
export function isLong(value: Json): boolean {
  let room = PLAIN_ABOVE;
  const open: Json[] = [value];
  for (let next = open.pop(); next !== undefined && room >= 0; next = open.pop()) {
    // What stands around each value: quotes, a comma, its line and its indentation.
    room -= AROUND_A_VALUE + (typeof next === 'string' ? next.length : 0);
    if (typeof next !== 'object' || next === null) continue;
    const names = Array.isArray(next) ? null : Object.keys(next);
    const inner = names === null ? (next as readonly Json[]) : Object.values(next as { [name: string]: Json });
    for (const name of names ?? []) room -= name.length;
    if (inner.length > room / AROUND_A_VALUE) return true;
    for (const one of inner) open.push(one);
  }
  return room < 0;
}

/** Values with names of their own, a line each. */
export function namedValues(
  values: readonly { readonly name: string; readonly value: Json }[],
  label: string,
  marks: HiddenMarks,
): Html {
  const lines = values.map(
    ({ name, value }, i) =>
      html`${i > 0 ? '\n' : ''}<span class="v-key">${visibleLine(name)}</span>: ${coloured(value, '', marks)}`,
  );
  return region(html`${lines}`, label);
}

function region(code: Html, label: string): Html {
  return html`<pre class="values" dir="ltr" tabindex="0" role="region" aria-label="${label}"><code>${code}</code></pre>`;
}

/** JSON indented by two spaces, as `jsonBlock` shows it. */
export function prettyJson(value: Json): string {
  return JSON.stringify(value, null, 2);
}

function coloured(value: Json, indent: string, marks: HiddenMarks): Html {
  if (value === REDACTED && marks === 'hidden') return html`<span class="v-hidden">${REDACTED}</span>`;
  if (typeof value === 'string') return overLines(value) ?? oneText(value);
  if (Array.isArray(value)) {
    return bracketed(
      value.map((item) => coloured(item, `${indent}  `, marks)),
      '[',
      ']',
      indent,
    );
  }
  if (isObject(value)) {
    const members = Object.entries(value).map(
      ([key, item]) =>
        html`<span class="v-key">${visibleText(JSON.stringify(key))}</span>: ${coloured(item, `${indent}  `, marks)}`,
    );
    return bracketed(members, '{', '}', indent);
  }
  return html`<span class="v-plain">${String(value)}</span>`;
}

/** A line break between other characters: at the end alone it is shown as JSON writes it. */
const SEVERAL_LINES = /[^\n]\n+[^\n]/;

function oneText(text: string): Html {
  return html`<span class="v-text">${visibleText(JSON.stringify(text))}</span>`;
}

/** Lines above which a text is shown as JSON writes it. */
const MOST_LINES = 2_000;

/**
 * A text over its lines, as the card shows it: each is written as JSON writes it and ends with its `\n`, so that nothing
 * else can look like a line break. null: it is not several lines, or too many.
 */
function overLines(text: string): Html | null {
  if (!SEVERAL_LINES.test(text)) return null;
  const split = text.split('\n', MOST_LINES + 1);
  if (split.length > MOST_LINES) return null;
  const lines = split.map((line) => JSON.stringify(line).slice(1, -1));
  const shown = lines.map((line, i) => html`${visibleText(line)}${i < lines.length - 1 ? BREAK : ''}`);
  return html`<span class="v-text v-lines">"${shown}"</span>`;
}

const BREAK = html`<span class="v-break">\\n</span>${'\n'}`;

function bracketed(items: readonly Html[], open: string, close: string, indent: string): Html {
  if (items.length === 0) return html`${open}${close}`;
  const lines = items.map((item, i) => html`${'\n'}${indent}  ${item}${i < items.length - 1 ? ',' : ''}`);
  return html`${open}${lines}${'\n'}${indent}${close}`;
}
