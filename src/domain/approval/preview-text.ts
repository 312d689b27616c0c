import { beginning } from '../../text/cut.ts';
import { counted } from '../../text/plural.ts';
import { isObject, type Json } from '../json/json.ts';
import { REDACTED, type Redaction, redactedCopy } from '../json/redact.ts';
import { secretName } from '../json/secret-name.ts';
import type { SummaryPart } from '../policy/summary.ts';
import { PREVIEW_BOUNDS, type Preview } from './facts.ts';

/** UTF-16 units of a text that are looked at for secrets by their names. */
const LOOKED_AT = 4 * PREVIEW_BOUNDS.units;

/**
 * What of a server's text may be kept: what stands under names of secrets is replaced, in JSON by its members and else in
 * lines such as `password: …` and `API_KEY=…`; then it is cut. Not yet safe to show. Linear.
 */
export function previewText(text: string, redaction: Redaction): { readonly text: string; readonly omitted: number } {
  const kept = withoutSecrets(text, redaction);
  const short = beginning(kept, PREVIEW_BOUNDS.units);
  return { text: short, omitted: kept.length - short.length };
}

/** What stands beside a preview: whose word it is and what is left out of it, or why there is none. Without a full stop. */
export function previewSays(preview: Preview): readonly SummaryPart[] {
  const { kind, tool } = preview;
  if (kind === 'none') {
    return tool === '' ? [{ text: preview.why }] : [{ value: tool }, { text: ` was not shown: ${preview.why}` }];
  }
  const failed = preview.failed ? ', which it calls an error' : '';
  const omitted = preview.omitted === 0 ? '' : `, without its last ${counted(preview.omitted, 'character')}`;
  return [{ text: 'the server says by ' }, { value: tool }, { text: `, unverified${failed}${omitted}` }];
}

function withoutSecrets(text: string, { byName }: Redaction): string {
  if (!byName) return text;
  const value = jsonIn(text);
  if (value !== null) {
    const copy = redactedCopy(value, { byName, paths: [] }, 'args');
    return copy.byName === 0 ? text : JSON.stringify(copy.value, null, 2);
  }
  return withoutSecretLines(text.slice(0, LOOKED_AT)) + text.slice(LOOKED_AT);
}

function jsonIn(text: string): Json | null {
  if (!/^\s*[[{]/.test(text)) return null;
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) || Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** A name, what parts it from its value, and the value: a word, or what stands in quotes. */
const NAMED = /([A-Za-z][\w.-]{0,63})("?[ \t]*[:=][ \t]*)("[^"\n]*"|'[^'\n]*'|[^\s,;"'}]+)/g;
const BEARER = /\b(bearer|basic)[ \t]+[\w.~+/=-]{8,}/gi;

function withoutSecretLines(text: string): string {
  return text
    .replace(BEARER, (_, scheme: string) => `${scheme} ${REDACTED}`)
    .replace(NAMED, (whole, name: string, between: string, value: string) =>
      secretName(name) === null || value === REDACTED ? whole : `${name}${between}${REDACTED}`,
    );
}
