import { html } from 'hono/html';
import type { HiddenMarks } from '../../domain/call/hidden-marks.ts';
import { isObject, type Json } from '../../domain/json/json.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import type { Html } from './html.ts';
import { visibleLine, visibleText } from './visible-text.ts';

/** Characters above which JSON is shown without colours, so that the page still opens. */
const PLAIN_ABOVE = 100_000;

/**
 * A whole JSON value, indented and coloured, as data: nothing is left out. `label` is for screen readers. `marks`: what a
 * text that reads `[redacted]` is; unless it stands for a hidden value, it is a text like any other.
 */
export function jsonBlock(value: Json, label: string, marks: HiddenMarks = 'sent'): Html {
  const text = prettyJson(value);
  return region(text.length > PLAIN_ABOVE ? visibleText(text) : coloured(value, '', marks), label);
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
  if (typeof value === 'string') return html`<span class="v-text">${visibleText(JSON.stringify(value))}</span>`;
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

function bracketed(items: readonly Html[], open: string, close: string, indent: string): Html {
  if (items.length === 0) return html`${open}${close}`;
  const lines = items.map((item, i) => html`${'\n'}${indent}  ${item}${i < items.length - 1 ? ',' : ''}`);
  return html`${open}${lines}${'\n'}${indent}${close}`;
}
