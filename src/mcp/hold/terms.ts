/** How long an answer may be kept open, in ms. */
export interface HoldTerms {
  /** For a client that gave a progress token, and so sees signs of life. */
  readonly progressMs: number;
  readonly defaultMs: number;
  /** One leg of a modern call; `LEG_MS` when absent. */
  readonly legMs?: number;
  /** Between two signs of life; `BEAT_MS` when absent. */
  readonly beatMs?: number;
  /** By the name a client gives itself, `*` for any characters; the first that matches counts, whatever it sends. */
  readonly clients?: readonly { readonly name: string; readonly ms: number }[];
}

/** TypeScript's v2 client gives up after 60 s a leg. */
const LEG_MS = 45_000;

export interface ClientPatience {
  readonly client: string | null;
  readonly modern: boolean;
  readonly progress: boolean;
}

/** What this caller is given, in ms. */
export function holdMs(terms: HoldTerms, { client, modern, progress }: ClientPatience): number {
  const own = client === null ? undefined : terms.clients?.find((one) => isNamed(one.name, client))?.ms;
  const legMs = terms.legMs ?? LEG_MS;
  if (modern) return Math.min(own ?? legMs, legMs);
  return own ?? (progress ? terms.progressMs : terms.defaultMs);
}

/** Compared without case, piece by piece, so that no pattern can take long. */
function isNamed(pattern: string, client: string): boolean {
  const name = client.toLowerCase();
  const pieces = pattern.toLowerCase().split('*');
  const first = pieces[0] ?? '';
  if (pieces.length === 1) return name === first;
  const last = pieces.at(-1) ?? '';
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at);
    if (found === -1) return false;
    at = found + piece.length;
  }
  return at <= name.length - last.length;
}
