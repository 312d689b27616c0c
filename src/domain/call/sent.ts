import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import type { Call } from './call.ts';
import { REASON_MEMBER } from './stated-reason.ts';
import { isTransportMember } from './transport.ts';

/**
 * What is forwarded of a gated call besides its tool's name and its arguments. All of it is shown, bound by the
 * fingerprint and logged (P1, P10), like the arguments.
 */
export interface Sent {
  /** Members of `params`, without `name`, `arguments`, `_meta` and what only says how the answer travels. */
  readonly params: JsonObject;
  /** Members of `_meta`, without the agent's reason, which is shown as its claim and never sent, and without those that only say how the answer travels. */
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
  /**
   * Texts that repeat a hidden value, which is replaced there too: other values and names, the agent's reason. Whoever
   * called chose them, so one click does not approve. Absent: none does.
   */
  readonly byValue?: number;
}

export const NOTHING_HIDDEN: HiddenValues = { byPolicy: 0, byName: 0 };

const SHOWN_ELSEWHERE: ReadonlySet<string> = new Set(['name', 'arguments', '_meta']);

/** What is forwarded of a call with these `params` and these headers, besides its tool's name and its arguments. */
export function sentOf(params: JsonObject, headers: JsonObject = {}): Sent {
  const meta = member(params, '_meta');
  return {
    params: pick(params, (name, value) => !SHOWN_ELSEWHERE.has(name) && !isTransportMember('params', name, value)),
    meta: isObject(meta)
      ? pick(meta, (name, value) => name !== REASON_MEMBER && !isTransportMember('meta', name, value))
      : {},
    headers,
  };
}

/** The same without what answers a server's question: the call itself, whichever round of it this is. */
export function withoutAnswers({ params, ...rest }: Sent): Sent {
  return { ...rest, params: pick(params, (name) => name !== 'inputResponses' && name !== 'requestState') };
}

/** Whether the call brings what could answer a server's question, wherever it has it from. */
export function bringsAnswers({ params }: Pick<Call, 'params'>): boolean {
  return Object.hasOwn(params, 'inputResponses') || Object.hasOwn(params, 'requestState');
}

function pick(object: JsonObject, keep: (name: string, value: Json) => boolean): JsonObject {
  const kept: Record<string, Json> = Object.create(null);
  for (const [name, value] of Object.entries(object)) if (keep(name, value)) kept[name] = value;
  return kept;
}
