/** How long an answer may be kept open, in ms. */
export interface HoldTerms {
  /** For a client that gave a progress token, and so sees signs of life. */
  readonly progressMs: number;
  readonly defaultMs: number;
  /** One leg of a modern call; `LEG_MS` when absent. */
  readonly legMs?: number;
  /** By the name a client gives itself; the first that matches counts, whatever it sends. */
  readonly clients?: readonly { readonly matches: (name: string) => boolean; readonly ms: number }[];
}

/** TypeScript's v2 client gives up after 60 s a leg. */
const LEG_MS = 45_000;

export interface Patience {
  readonly client: string | null;
  readonly modern: boolean;
  readonly progress: boolean;
}

/** What this caller is given, in ms. */
export function holdMs(terms: HoldTerms, { client, modern, progress }: Patience): number {
  const own = client === null ? undefined : terms.clients?.find((one) => one.matches(client))?.ms;
  const legMs = terms.legMs ?? LEG_MS;
  if (modern) return Math.min(own ?? legMs, legMs);
  return own ?? (progress ? terms.progressMs : terms.defaultMs);
}
