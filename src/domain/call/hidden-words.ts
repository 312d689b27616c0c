import { inAnyCase } from '../../text/any-case.ts';
import type { SoughtWord } from '../../text/find-words.ts';
import { decimal } from '../json/decimal.ts';
import type { Json } from '../json/json.ts';

/** Fewest characters of a hidden value that is looked for in other texts: `1` or `true` would blank everything. */
const SHORTEST_SOUGHT = 6;
/** Characters of a spelling that are compared; a text in which the beginning of a longer one stands is hidden whole. */
const LONGEST_SOUGHT = 256;
/** Characters of all spellings together that are sought within texts; values beyond are sought as whole values. */
const MOST_SOUGHT = 64 * 1024;

/** What is looked for because it is hidden elsewhere in the same call. */
export interface HiddenWords {
  /** Sought within other texts. */
  readonly spellings: readonly SoughtWord[];
  /** What a text is hidden for that is equal to it, both as `inAnyCase` reads them. */
  readonly whole: ReadonlySet<string>;
}

/** Values that are looked at between two breaks, and those of which spellings are made. */
const PIECE = { values: 4_000, spelt: 64 } as const;

/** The single values in what is hidden, as they are looked for elsewhere. Linear; yields now and then. */
export function* hiddenWords(hidden: readonly Json[]): Generator<void, HiddenWords> {
  const whole = new Set<string>();
  const spellings = new Map<string, SoughtWord>();
  let room = MOST_SOUGHT;
  let looked = 0;
  const rest: Json[] = [...hidden];
  for (let value = rest.pop(); value !== undefined; value = rest.pop()) {
    looked += 1;
    if (looked % PIECE.values === 0) yield;
    if (typeof value === 'object' && value !== null) {
      for (const inner of Object.values(value)) rest.push(inner);
      continue;
    }
    const text = textOf(value);
    if (text === null || text.length < SHORTEST_SOUGHT || whole.has(inAnyCase(text))) continue;
    whole.add(inAnyCase(text));
    if (room <= 0) continue;
    if (whole.size % PIECE.spelt === 0) yield;
    for (const spelling of spellingsOf(text)) {
      if (spellings.has(spelling.text)) continue;
      spellings.set(spelling.text, spelling);
      room -= spelling.text.length;
    }
  }
  return { spellings: [...spellings.values()], whole };
}

/** A single value as a text may repeat it; null: nobody would recognise it. */
function textOf(value: Json): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? (decimal(value) ?? String(value)) : null;
}

/** A credential behind the name of its scheme: what follows is the secret. */
const SCHEME = /^(?:bearer|basic|token|digest|apikey|negotiate)[ \t]+/i;

/**
 * A value as it is and without the blanks and the scheme around it, in the spellings that careless software makes of it:
 * in JSON, in a URL, as hexadecimal digits, in base64 also where other text stands around it (`user:password`).
 */
function spellingsOf(value: string): SoughtWord[] {
  // What is longer is compared by its beginning, and encodings make nothing shorter.
  const start = value.slice(0, 4 * LONGEST_SOUGHT);
  const trimmed = start.trim();
  const plain = new Set([start, trimmed, trimmed.replace(SCHEME, '')]);
  const texts = [...plain].filter((text) => text.length >= SHORTEST_SOUGHT).flatMap(encodings);
  return [...new Set(texts)].map((text) => ({
    text: text.slice(0, LONGEST_SOUGHT),
    begins: text.length > LONGEST_SOUGHT,
  }));
}

function encodings(text: string): string[] {
  const url = encodeURIComponent(text.toWellFormed());
  const bytes = new TextEncoder().encode(text);
  const hex = Array.from(bytes.subarray(0, LONGEST_SOUGHT), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    url,
    url.replaceAll('%20', '+'),
    url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    hex,
    hex.toUpperCase(),
    ...inBase64(bytes),
  ];
}

/** Base64 of the bytes with zero, one or two others before them: the characters in which no other byte has a part. */
function inBase64(bytes: Uint8Array): string[] {
  const spellings: string[] = [];
  for (const before of [0, 1, 2]) {
    const around = new Uint8Array(before + bytes.length);
    around.set(bytes, before);
    const encoded = btoa(Array.from(around, (byte) => String.fromCharCode(byte)).join(''));
    const from = Math.ceil((before * 8) / 6);
    const inner = encoded.slice(from, Math.floor(((before + bytes.length) * 8) / 6));
    if (inner.length < SHORTEST_SOUGHT) continue;
    spellings.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return spellings;
}
