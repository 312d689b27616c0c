import { html } from 'hono/html';
import { isObject, type Json } from '../../domain/json/json.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import type { Html } from './html.ts';
import { visibleText } from './visible-text.ts';

/** Characters above which JSON is shown without colours, so that the page still opens. */
const PLAIN_ABOVE = 100_000;

/** A whole JSON value, indented and coloured, as data: nothing is left out. `label` is for screen readers. */
export function jsonBlock(value: Json, label: string): Html {
  const text = prettyJson(value);
  const code = text.length > PLAIN_ABOVE ? visibleText(text) : coloured(value, '');
  return html`<pre class="values" dir="ltr" tabindex="0" role="region" aria-label="${label}"><code>${code}</code></pre>`;
}

/** JSON indented by two spaces, as `jsonBlock` shows it. */
export function prettyJson(value: Json): string {
  return JSON.stringify(value, null, 2);
}

function coloured(value: Json, indent: string): Html {
  if (value === REDACTED) return html`<span class="v-hidden">${REDACTED}</span>`;
  if (typeof value === 'string') return html`<span class="v-text">${visibleText(JSON.stringify(value))}</span>`;
  if (Array.isArray(value)) {
    return bracketed(
      value.map((item) => coloured(item, `${indent}  `)),
      '[',
      ']',
      indent,
    );
  }
  if (isObject(value)) {
    const members = Object.entries(value).map(
      ([key, item]) =>
        html`<span class="v-key">${visibleText(JSON.stringify(key))}</span>: ${coloured(item, `${indent}  `)}`,
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
