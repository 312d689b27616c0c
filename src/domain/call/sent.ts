import type { JsonObject } from '../json/json.ts';

/**
 * What is forwarded of a gated call besides its tool's name and its arguments. All of it is shown, bound by the
 * fingerprint and logged (P1, P10), like the arguments.
 */
export interface Sent {
  /** Members of `params`, without `name`, `arguments`, `_meta` and what only says how the answer travels. */
  readonly params: JsonObject;
  /** Members of `_meta`, without those that only say how the answer travels. */
  readonly meta: JsonObject;
  /** Headers, by lower-case name, that say more than the body does. */
  readonly headers: JsonObject;
}

export const NOTHING_MORE: Sent = { params: {}, meta: {}, headers: {} };

/** How many values are hidden from the approver, by what hides them. */
export interface HiddenValues {
  /** The policy's `redact` names their paths, so its author meant it. */
  readonly byPolicy: number;
  /** Their names look secret. The caller may have chosen the names, so one click does not approve (P10). */
  readonly byName: number;
}

export const NOTHING_HIDDEN: HiddenValues = { byPolicy: 0, byName: 0 };
