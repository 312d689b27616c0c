import type { Vault } from '../../ports.ts';

/** Tells our states from those of servers, which are forwarded unopened. */
const PREFIX = 'holdfast.';
/** Longest state that is opened, in characters. Releases before this one put a server's state into theirs. */
const LONGEST = 256 * 1024;

/**
 * What a modern caller is given when it can wait no longer, and brings back with the same call. It grants nothing but
 * the caller's old seat.
 *
 * This is a wire format: one replica seals it as JSON and another may open it. Do not rename its members.
 */
export interface RequestState {
  readonly approval: string;
  readonly joiner: string;
  /** The seat's round when the state was issued, so that the state can be used once only. */
  readonly round: number;
  /** How often the caller has waited so far: the number of this attempt, beginning with 1. */
  readonly leg: number;
  /** Milliseconds since 1970 after which the state is refused. */
  readonly until: number;
}

/** The call that a state belongs to. */
export interface StateBinding {
  readonly grant: string;
  readonly server: string;
  /** The fingerprint of the call, whatever it answers, by each known key; the current key's first. */
  readonly fingerprints: readonly string[];
}

/** Whether the state looks like one of ours, by its prefix; `openState` verifies it. */
export function isOurState(state: string): boolean {
  return state.startsWith(PREFIX);
}

/**
 * Encrypts the state with a key used for nothing but states and event ids, with grant, server and call as associated
 * data (2026-07-28, MRTR).
 */
export function sealState(vault: Pick<Vault, 'seal'>, binding: StateBinding, state: RequestState): string {
  const bytes = new TextEncoder().encode(JSON.stringify(state));
  const sealed = vault.seal('state', rowOf(binding, binding.fingerprints[0] ?? ''), bytes);
  return PREFIX + Buffer.from(sealed).toString('base64url');
}

/** Null: the state was altered, belongs to another caller or another call, or is too old. */
export function openState(
  vault: Pick<Vault, 'open'>,
  binding: StateBinding,
  text: string,
  now: Date,
): RequestState | null {
  if (!isOurState(text) || text.length > LONGEST) return null;
  const sealed = Buffer.from(text.slice(PREFIX.length), 'base64url');
  for (const fingerprint of binding.fingerprints) {
    try {
      const opened = vault.open('state', rowOf(binding, fingerprint), sealed);
      const state = JSON.parse(new TextDecoder().decode(opened)) as RequestState;
      return state.until > now.getTime() ? state : null;
    } catch {
      // Sealed for another fingerprint, or not sealed by us.
    }
  }
  return null;
}

function rowOf({ grant, server }: StateBinding, fingerprint: string): string {
  return JSON.stringify([grant, server, fingerprint]);
}
