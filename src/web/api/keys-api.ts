import type { Context, Hono } from 'hono';
import { SIGNING_ALGORITHMS } from '../../domain/approval/signing.ts';
import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import {
  askForKey,
  type ChangedKey,
  isSamePerson,
  prepareKey,
  registerKey,
  revokeKey,
} from '../../gateway/person/keys.ts';
import { NONCE_MS } from '../../gateway/person/nonces.ts';
import type { PersonKey } from '../../ports.ts';
import type { ApiCaller } from '../http/callers.ts';
import { newNonce } from '../http/nonce.ts';
import type { PeopleDoors } from '../http/people-doors.ts';
import { type ApiEnv, bodyObject } from './body.ts';

const LONGEST_NAME = 80;
const LONGEST_REASON = 500;

/**
 * Passkeys. `GET /api/keys`: one's own; everybody's for auditors, operators and the admin token. `POST …/challenge` and
 * `POST /api/keys`: a person adds one, in the console. `POST …/{id}/register`: a second person lets it sign, in the console or
 * with the admin token. `DELETE …/{id}`: one's own, anybody's for operators and the admin token.
 */
export function keyRoutes(app: Hono<ApiEnv>, { signing }: PeopleDoors): void {
  app.get('/api/keys', async (c) => {
    const { approver, roles } = c.get('caller');
    const all = roles === null || roles.has('auditor') || roles.has('operator');
    const keys = await signing.keys.list();
    const shown = keys.filter(({ owner }) => all || isSamePerson(signing, owner, approver.id));
    return c.json({ items: shown.map(keyJson), next: null });
  });

  app.post('/api/keys/challenge', async (c) => {
    const person = signatoryOf(c.get('caller'));
    if (person === null) return fault(c, 403, 'not_here', NOT_HERE);
    const prepared = await prepareKey(signing, person, newNonce());
    if (prepared.kind === 'refused') return fault(c, 403, 'cannot', prepared.why);
    const { nonce, challenge, origin, known } = prepared;
    const name = person.name.slice(0, 64);
    return c.json({
      nonce,
      publicKey: {
        challenge,
        rp: { id: new URL(origin).hostname, name: 'Holdfast' },
        user: {
          id: Buffer.from(person.id.slice(0, 64)).subarray(0, 64).toString('base64url'),
          name,
          displayName: name,
        },
        pubKeyCredParams: SIGNING_ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        excludeCredentials: known.map((id) => ({ type: 'public-key', id })),
        authenticatorSelection: { userVerification: 'required', residentKey: 'discouraged' },
        attestation: 'none',
        timeout: NONCE_MS,
      },
    });
  });

  app.post('/api/keys', async (c) => {
    const person = signatoryOf(c.get('caller'));
    if (person === null) return fault(c, 403, 'not_here', NOT_HERE);
    const body = await bodyObject(c);
    const asked = typeof body === 'string' ? body : readKey(body);
    if (typeof asked === 'string') return fault(c, 400, 'bad_key', asked);
    const made = await askForKey(signing, person, asked);
    return made.kind === 'refused' ? fault(c, 403, 'refused', made.why) : c.json(keyJson(made.key), 201);
  });

  app.post('/api/keys/:id/register', async (c) => {
    const { approver, roles, by } = c.get('caller');
    if (by === 'personal_token')
      return fault(c, 403, 'not_here', 'An operator registers passkeys in the console, signed in by the provider.');
    return changed(c, await registerKey(signing, idIn(c), { id: approver.id, roles }));
  });

  app.delete('/api/keys/:id', async (c) => {
    const { approver, roles } = c.get('caller');
    const body = await bodyObject(c);
    const reason = typeof body === 'string' ? null : member(body, 'reason');
    const why = typeof reason === 'string' ? reason.slice(0, LONGEST_REASON).replaceAll('\0', '').toWellFormed() : null;
    return changed(c, await revokeKey(signing, idIn(c), { id: approver.id, roles }, why));
  });
}

/** Somebody who is signed in as themselves, in a session of the console; null: a token, or the admin token's session. */
export function signatoryOf({ approver, by, roles, login, name }: ApiCaller) {
  if (by !== 'login' || roles === null || login === undefined) return null;
  return { id: approver.id, login, name: name ?? approver.id, approver };
}

export const NOT_HERE = 'Only a person who is signed in to the console as themselves has passkeys and signs with them.';

function idIn(c: Context): string {
  return (c.req.param('id') ?? '').slice(0, 2_000);
}

function changed(c: Context, result: ChangedKey): Response {
  switch (result.kind) {
    case 'done':
      return c.json(keyJson(result.key));
    case 'refused':
      return fault(c, 403, 'refused', result.why);
    case 'not_found':
      return fault(
        c,
        404,
        'not_found',
        'There is no such passkey, or nothing is left to do with it. GET /api/keys lists them.',
      );
    default:
      return result satisfies never;
  }
}

/** What is asked for, or what is wrong with it. */
function readKey(body: JsonObject) {
  const name = member(body, 'name');
  const nonce = member(body, 'nonce');
  const credential = member(body, 'credential');
  if (typeof name !== 'string' || !/^[^\p{C}]+$/u.test(name) || name.trim() === '' || name.length > LONGEST_NAME)
    return `name is a text of up to ${LONGEST_NAME} characters that says which passkey it is.`;
  if (typeof nonce !== 'string' || !/^[\w-]{43}$/.test(nonce)) return 'nonce is the one of POST /api/keys/challenge.';
  if (!isObject(credential)) return 'credential is what the browser made, as PublicKeyCredential.toJSON() gives it.';
  return { name: name.trim(), nonce, credential };
}

/** A passkey as the API returns it. */
function keyJson(key: Omit<PersonKey, 'seal'>) {
  const { id, owner, name, publicKey, algorithm, origin, at, registeredAt, registeredBy, breakGlass } = key;
  const registered = registeredAt === null ? null : { at: registeredAt.toISOString(), by: registeredBy, breakGlass };
  const ended = key.endedAt === null ? null : { at: key.endedAt.toISOString(), by: key.endedBy, how: key.ended };
  return { id, owner, name, publicKey, algorithm, origin, createdAt: at.toISOString(), registered, ended };
}

function fault(c: Context, status: 400 | 403 | 404, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
