import type { Vault } from '../../ports.ts';

/** Whose state it is can be told before it is opened: others' pass untouched. */
const OURS = 'holdfast.';
/** Longest state that is looked at, in characters; one of ours holds what a foreign one held. */
const LONGEST = 256 * 1024;

/** What a modern caller brings back when it could not wait longer. It entitles to nothing but its old place. */
export interface RequestState {
  readonly approval: string;
  readonly joiner: string;
  /** The place's round when it was issued; good once. */
  readonly round: number;
  /** Answers of this kind that the caller has had. */
  readonly leg: number;
  /** Instant, in ms, after which it is refused. */
  readonly until: number;
  /** What the caller had brought of its server's: JSON texts of `requestState` and `inputResponses`. */
  readonly foreign: { readonly state: string | null; readonly inputs: string | null } | null;
}

/** The one call that the state belongs to. */
export interface StateBinding {
  readonly grant: string;
  readonly server: string;
  /** Today's first. */
  readonly fingerprints: readonly string[];
}

export function isOurs(state: string): boolean {
  return state.startsWith(OURS);
}

/** Sealed with a key of its own, and with principal, server and call as associated data (2026-07-28, MRTR). */
export function sealState(vault: Pick<Vault, 'seal'>, binding: StateBinding, state: RequestState): string {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const sealed = vault.seal('state', rowOf(binding, binding.fingerprints[0] ?? ''), bytes);
  return OURS + Buffer.from(sealed).toString('base64url');
}

/** null: changed, another caller's, another call's, or too old. */
export function openState(
  vault: Pick<Vault, 'open'>,
  binding: StateBinding,
  text: string,
  now: Date,
): RequestState | null {
  if (!isOurs(text) || text.length > LONGEST) return null;
  const sealed = Buffer.from(text.slice(OURS.length), 'base64url');
  for (const fingerprint of binding.fingerprints) {
    try {
      const opened = vault.open('state', rowOf(binding, fingerprint), sealed);
      const state = JSON.parse(new TextDecoder().decode(opened)) as RequestState;
      return state.until > now.getTime() ? state : null;
    } catch {
      // Sealed for another fingerprint, or not by us.
    }
  }
  return null;
}

function rowOf({ grant, server }: StateBinding, fingerprint: string): string {
  return JSON.stringify([grant, server, fingerprint]);
}
