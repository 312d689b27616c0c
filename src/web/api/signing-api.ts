import type { Context, Hono } from 'hono';
import type { RefusalReason } from '../../domain/approval/decide.ts';
import { LONGEST_SIGNATURE_PART } from '../../domain/approval/signing.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { type Assertion, decideBySignature, prepareSigning } from '../../gateway/decision/sign.ts';
import { NONCE_MS } from '../../gateway/person/nonces.ts';
import { newNonce } from '../http/nonce.ts';
import type { PeopleDoors } from '../http/people-doors.ts';
import { approvalJson } from './approval-json.ts';
import { type ApiEnv, bodyObject, strangeMember } from './body.ts';
import { NOT_HERE, signatoryOf } from './keys-api.ts';

export interface SigningWords {
  /** Why a decision is refused, for people. */
  readonly refusals: Readonly<Record<RefusalReason, string>>;
  /** The reason and the fingerprint in a body, or what is wrong with them. */
  wordIn(body: JsonObject): { readonly reason: string | null; readonly fingerprint: string | null } | string;
}

/**
 * The two steps of a signed yes, for a person in a session of the console and nobody else. `POST …/challenge` gives out what is
 * to be signed, once, and decides nothing; `POST …/signatures` takes what the passkey made of it.
 */
export function signingRoutes(app: Hono<ApiEnv>, { signing }: PeopleDoors, { refusals, wordIn }: SigningWords): void {
  app.post('/api/approvals/:id/challenge', async (c) => {
    const person = signatoryOf(c.get('caller'));
    if (person === null) return fault(c, 403, 'not_here', NOT_HERE);
    const prepared = await prepareSigning(signing, idIn(c), person, newNonce());
    switch (prepared.kind) {
      case 'not_found':
        return notFound(c);
      case 'cannot':
        return fault(c, 403, 'cannot_sign', prepared.why);
      case 'refused':
        if (isOver(prepared.reason)) return c.json(approvalJson(prepared.approval), 409);
        return fault(c, 403, prepared.reason, refusals[prepared.reason]);
      case 'prepared': {
        const { nonce, challenge, rp, keys } = prepared;
        const allowCredentials = keys.map((id) => ({ type: 'public-key', id }));
        const options = { challenge, rpId: rp, allowCredentials, userVerification: 'required', timeout: NONCE_MS };
        return c.json({ nonce, publicKey: options });
      }
      default:
        return prepared satisfies never;
    }
  });

  app.post('/api/approvals/:id/signatures', async (c) => {
    const person = signatoryOf(c.get('caller'));
    if (person === null) return fault(c, 403, 'not_here', NOT_HERE);
    const body = await bodyObject(c);
    const given = typeof body === 'string' ? body : readAssertion(body);
    if (typeof given === 'string') return fault(c, 400, 'bad_signature', given);
    const strange = strangeMember(body as JsonObject, ['nonce', 'credential', 'reason', 'fingerprint']);
    const word = strange ?? wordIn(body as JsonObject);
    if (typeof word === 'string') return fault(c, 400, 'bad_decision', word);
    const decided = await decideBySignature(signing, idIn(c), given, person, word);
    switch (decided.kind) {
      case 'recorded':
        return c.json(approvalJson(decided.approval));
      case 'not_found':
        return notFound(c);
      case 'unsigned':
        return fault(c, 403, 'bad_signature', decided.why);
      case 'refused':
        if (isOver(decided.reason)) return c.json(approvalJson(decided.approval), 409);
        return fault(c, 403, decided.reason, refusals[decided.reason]);
      default:
        return decided satisfies never;
    }
  });
}

/** What the browser's `PublicKeyCredential.toJSON()` gives, with the nonce; or what is wrong with it. */
function readAssertion(body: JsonObject): Assertion | string {
  const credential = member(body, 'credential');
  const response = member(credential, 'response');
  const parts = {
    nonce: member(body, 'nonce'),
    key: member(credential, 'id'),
    authenticatorData: member(response, 'authenticatorData'),
    clientData: member(response, 'clientDataJSON'),
    signature: member(response, 'signature'),
  };
  const wrong = Object.entries(parts).find(
    ([, part]) => typeof part !== 'string' || part.length > LONGEST_SIGNATURE_PART || !/^[\w-]+$/.test(part),
  );
  if (wrong !== undefined)
    return `${wrong[0]} is base64url of at most ${LONGEST_SIGNATURE_PART} characters, as PublicKeyCredential.toJSON() gives it.`;
  return parts as Assertion;
}

function isOver(reason: RefusalReason): boolean {
  return reason === 'already_decided' || reason === 'expired';
}

function idIn(c: Context): string {
  return (c.req.param('id') ?? '').slice(0, 100);
}

function notFound(c: Context): Response {
  return fault(c, 404, 'not_found', 'There is no such approval or path.');
}

function fault(c: Context, status: 400 | 403 | 404, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
