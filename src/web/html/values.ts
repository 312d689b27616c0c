import { html } from 'hono/html';
import { isObject, type Json } from '../../domain/json/json.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import { type Html, shown } from './shown.ts';

/** Characters above which values are set plainly, without colours: a page must still open. */
const PLAIN_ABOVE = 100_000;

/** A JSON value, pretty, whole, as data. */
export function values(value: Json, label: string): Html {
  const text = textOf(value);
  const inside = text.length > PLAIN_ABOVE ? shown(text) : piece(value, '');
  return html`<pre class="values" dir="ltr" tabindex="0" role="region" aria-label="${label}"><code>${inside}</code></pre>`;
}

export function textOf(value: Json): string {
  return JSON.stringify(value, null, 2);
}

function piece(value: Json, indent: string): Html {
  if (value === REDACTED) return html`<span class="v-hidden">${REDACTED}</span>`;
  if (typeof value === 'string') return html`<span class="v-text">${shown(JSON.stringify(value))}</span>`;
  if (Array.isArray(value)) {
    return many(
      value.map((item) => piece(item, `${indent}  `)),
      '[',
      ']',
      indent,
    );
  }
  if (isObject(value)) {
    const members = Object.entries(value).map(
      ([key, item]) => html`<span class="v-key">${shown(JSON.stringify(key))}</span>: ${piece(item, `${indent}  `)}`,
    );
    return many(members, '{', '}', indent);
  }
  return html`<span class="v-plain">${String(value)}</span>`;
}

function many(items: readonly Html[], open: string, close: string, indent: string): Html {
  if (items.length === 0) return html`${open}${close}`;
  const lines = items.map((item, i) => html`${'\n'}${indent}  ${item}${i < items.length - 1 ? ',' : ''}`);
  return html`${open}${lines}${'\n'}${indent}${close}`;
}
