import { LONGEST_REASON_STATED, saysWhy } from '../../domain/call/stated-reason.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { Unreasoned } from '../../gateway/call/arrival.ts';
import type { Vault } from '../../ports.ts';
import type { StateBinding } from './request-state.ts';

/** The name of the form among the requests of a result (2026-07-28, MRTR). */
export const FORM = 'holdfast_reason';
/** The form's one field. */
const FIELD = 'reason';
/** Tells the state that comes with a form from those of callers that wait. */
const PREFIX = 'holdfast.reason.';
/** Longest state that is opened, in characters. */
const LONGEST = 1_024;
/** Milliseconds for which a form may be answered. */
export const FORM_MS = 10 * 60_000;

/** The params of `elicitation/create` that ask why the agent calls. */
export function reasonForm({ server, tool }: Unreasoned): JsonObject {
  return {
    mode: 'form',
    message: `Why should ${server}.${tool} be called? Whoever has to approve the call reads this as the agent's claim; it is not sent to the tool.`,
    requestedSchema: {
      type: 'object',
      properties: {
        [FIELD]: {
          type: 'string',
          title: 'Reason',
          description: 'One or two sentences.',
          minLength: 1,
          maxLength: LONGEST_REASON_STATED,
        },
      },
      required: [FIELD],
    },
  };
}

/** What came of a form. */
export type FormAnswer = { readonly reason: string } | { readonly why: string };

/** Reads an `ElicitResult`. `why`: in words that end a sentence. */
export function readForm(result: Json | undefined): FormAnswer {
  const action = member(result, 'action');
  if (action === 'decline') return { why: 'the form that asks for it was declined' };
  if (action !== 'accept') return { why: 'the form that asks for it was closed without an answer' };
  const content = member(result, 'content');
  const reason = isObject(content) ? member(content, FIELD) : undefined;
  if (typeof reason === 'string' && saysWhy(reason)) return { reason };
  return { why: 'the form that asks for it came back without one' };
}

export function isFormState(state: Json | undefined): state is string {
  return typeof state === 'string' && state.startsWith(PREFIX);
}

/** A state that says nothing but that this call's caller was asked. Nothing depends on its secrecy: the reason is a claim. */
export function sealFormState(vault: Pick<Vault, 'seal'>, binding: StateBinding, now: Date): string {
  const bytes = new TextEncoder().encode(String(now.getTime() + FORM_MS));
  const sealed = vault.seal('state', rowOf(binding, binding.fingerprints[0] ?? ''), bytes);
  return PREFIX + Buffer.from(sealed).toString('base64url');
}

/** Whether we issued this state for this call, not too long ago. */
export function isOpenForm(vault: Pick<Vault, 'open'>, binding: StateBinding, text: string, now: Date): boolean {
  if (text.length > LONGEST) return false;
  const sealed = Buffer.from(text.slice(PREFIX.length), 'base64url');
  return binding.fingerprints.some((fingerprint) => {
    try {
      const until = Number(new TextDecoder().decode(vault.open('state', rowOf(binding, fingerprint), sealed)));
      return until > now.getTime();
    } catch {
      return false;
    }
  });
}

function rowOf({ grant, server }: StateBinding, fingerprint: string): string {
  return JSON.stringify(['reason', grant, server, fingerprint]);
}
