/** How long an answer may be kept open, in milliseconds. These are the settings of `approval.hold` in the config. */
export interface HoldTerms {
  /** For a client that sent a progress token, and so sees the heartbeats. */
  readonly progressMs: number;
  readonly defaultMs: number;
  /** For one attempt of a modern call, after which its client comes back by itself; `LEG_MS` when absent. */
  readonly legMs?: number;
  /** Between two heartbeats; `BEAT_MS` when absent. */
  readonly beatMs?: number;
  /** By the client's own name, with `*` for any characters. The first match counts, whether it sends a token or not. */
  readonly clients?: readonly { readonly name: string; readonly ms: number }[];
}

/** The TypeScript SDK's v2 client gives up each request after 60 s. */
const LEG_MS = 45_000;

/** What decides how long a client can wait. */
export interface WaitingClient {
  /** The name that it gave itself; null when it gave none. */
  readonly client: string | null;
  readonly modern: boolean;
  /** It sent a progress token. */
  readonly progress: boolean;
}

/** How long this client's answer is kept open, in milliseconds. */
export function holdMs(terms: HoldTerms, { client, modern, progress }: WaitingClient): number {
  const configuredMs = client === null ? undefined : terms.clients?.find((entry) => matches(entry.name, client))?.ms;
  const legMs = terms.legMs ?? LEG_MS;
  if (modern) return Math.min(configuredMs ?? legMs, legMs);
  return configuredMs ?? (progress ? terms.progressMs : terms.defaultMs);
}

/** Ignores case. Compares piece by piece instead of with a regular expression, so that no pattern can take long. */
function matches(pattern: string, client: string): boolean {
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
