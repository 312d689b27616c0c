import { ADMIN, personOf } from '../../domain/approval/current.ts';
import type { PasskeyProof } from '../../domain/approval/signing.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Role } from '../../domain/people/role.ts';
import type { Passkeys, PersonKey, PersonKeys } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { issueNonce, type NonceDeps, type Signatory, spendNonce } from './nonces.ts';

export interface KeyDeps extends NonceDeps {
  readonly gateway: Pick<Gateway, 'clock' | 'rules' | 'store' | 'storeWatch' | 'vault'>;
  readonly keys: PersonKeys;
  readonly passkeys: Passkeys;
  readonly proof: PasskeyProof;
}

/** What a browser is asked to make a passkey of. */
export type KeyPreparation =
  | {
      readonly kind: 'prepared';
      readonly nonce: string;
      /** base64url. */
      readonly challenge: string;
      readonly origin: string;
      /** The ids of keys that this person has. */
      readonly known: readonly string[];
    }
  | { readonly kind: 'refused'; readonly why: string };

const REGISTER = { purpose: 'register', approval: null, choice: null } as const;

/** Gives out what a new passkey is made for. `nonce`: 256 random bits, base64url. */
export async function prepareKey(deps: KeyDeps, person: Signatory, nonce: string): Promise<KeyPreparation> {
  const origin = deps.gateway.rules.signingOrigin ?? null;
  if (origin === null) return { kind: 'refused', why: NOWHERE };
  if (!(await issueNonce(deps, nonce, person, REGISTER))) return { kind: 'refused', why: TOO_MANY_OPEN };
  const known = (await deps.keys.list()).filter((key) => isSamePerson(deps, key.owner, person.id));
  return {
    kind: 'prepared',
    nonce,
    challenge: challengeOf(deps, nonce, person),
    origin,
    known: known.map(({ id }) => id),
  };
}

export type RequestedKey =
  | { readonly kind: 'asked'; readonly key: Omit<PersonKey, 'seal'> }
  | { readonly kind: 'refused'; readonly why: string };

/** Keeps a new passkey, which signs nothing before a second person has registered it. */
export async function askForKey(
  deps: KeyDeps,
  person: Signatory,
  asked: { readonly nonce: string; readonly name: string; readonly credential: unknown },
): Promise<RequestedKey> {
  const { gateway, keys, passkeys } = deps;
  const origin = gateway.rules.signingOrigin ?? null;
  if (origin === null) return { kind: 'refused', why: NOWHERE };
  const fault = await spendNonce(deps, asked.nonce, person, REGISTER);
  if (fault !== null) return { kind: 'refused', why: `This does not count: ${fault}. Start again.` };
  const made = await passkeys.read(asked.credential, { challenge: challengeOf(deps, asked.nonce, person), origin });
  if (made.kind === 'refused') return { kind: 'refused', why: `The passkey was not taken: ${made.why}.` };
  const at = gateway.clock.now();
  const { id, publicKey, algorithm, counter } = made;
  const key: Omit<PersonKey, 'seal'> = {
    ...{ id, owner: person.id, name: asked.name, publicKey, algorithm, origin, counter, at },
    ...{ registeredAt: null, registeredBy: null, breakGlass: false, endedAt: null, endedBy: null, ended: null },
  };
  const added = await keys.add(key, eventOf(deps, 'key.requested', key, actorOf({ id: person.id }), {}));
  if (added === 'known') return { kind: 'refused', why: 'This passkey is known here already.' };
  if (added === 'too_many')
    return { kind: 'refused', why: 'You have as many passkeys as you may have. Revoke one first.' };
  await gateway.storeWatch.tellSets();
  return { kind: 'asked', key };
}

/** Who registers or revokes a key. `roles` null: the admin token. */
export interface KeyKeeper {
  readonly id: string;
  readonly roles: ReadonlySet<Role> | null;
}

export type ChangedKey =
  | { readonly kind: 'done'; readonly key: PersonKey }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'not_found' };

/**
 * A second person lets a passkey sign: an operator who is not its owner; or the admin token, which is marked in the event, and
 * not where the configuration says that the owner holds it.
 *
 * | race | who wins |
 * |---|---|
 * | two that register it | the first; the other is told that there is none that waits |
 * | registered, and revoked meanwhile | the second finds what the first left |
 */
export async function registerKey(deps: KeyDeps, id: string, keeper: KeyKeeper): Promise<ChangedKey> {
  const found = await waiting(deps, id);
  if (found === null) return { kind: 'not_found' };
  const breakGlass = keeper.roles === null;
  if (isSamePerson(deps, found.owner, breakGlass ? ADMIN : keeper.id)) return { kind: 'refused', why: OWN_KEY };
  if (keeper.roles !== null && !keeper.roles.has('operator'))
    return { kind: 'refused', why: 'An operator registers passkeys.' };
  const at = deps.gateway.clock.now();
  const by = keeper.id;
  const event = eventOf(deps, 'key.registered', found, actorOf({ id: by }), {
    breakGlass,
    requestedAt: found.at.toISOString(),
  });
  const key = await deps.keys.register(id, { by, breakGlass, at }, event);
  if (key === null) return { kind: 'refused', why: NOT_WHOLE };
  await deps.gateway.storeWatch.tellSets();
  return { kind: 'done', key };
}

/** Ends a passkey: its owner's own, or anybody's for operators and the admin token. Votes that it signed and nobody used are void. */
export async function revokeKey(
  deps: KeyDeps,
  id: string,
  keeper: KeyKeeper,
  reason: string | null,
): Promise<ChangedKey> {
  const found = (await deps.keys.list()).find((key) => key.id === id && key.endedAt === null);
  if (found === undefined) return { kind: 'not_found' };
  const anybodys = keeper.roles === null || keeper.roles.has('operator');
  if (!anybodys && !isSamePerson(deps, found.owner, keeper.id)) return { kind: 'not_found' };
  const at = deps.gateway.clock.now();
  const event = eventOf(deps, 'key.revoked', found, actorOf({ id: keeper.id }), {
    reason,
    registered: found.registeredAt !== null,
  });
  const key = await deps.keys.revoke(id, keeper.id, at, event);
  if (key === null) return { kind: 'refused', why: NOT_WHOLE };
  await deps.gateway.storeWatch.tellSets();
  return { kind: 'done', key };
}

/** The event that a key's counter went back. */
export function suspendedEvent(deps: Pick<KeyDeps, 'gateway'>, key: PersonKey, counter: number): NewEvent {
  return eventOf(deps, 'key.suspended', key, 'holdfast', { counter, last: key.counter });
}

async function waiting({ keys }: KeyDeps, id: string): Promise<PersonKey | null> {
  const found = (await keys.list()).find((key) => key.id === id);
  return found === undefined || found.registeredAt !== null || found.endedAt !== null ? null : found;
}

export function isSamePerson(
  { gateway }: { readonly gateway: Pick<Gateway, 'rules'> },
  one: string,
  other: string,
): boolean {
  const persons = gateway.rules.persons();
  return personOf(persons, one) === personOf(persons, other);
}

/** What a new passkey is made for: nothing that approves anything reads like it. */
function challengeOf({ gateway, proof }: KeyDeps, nonce: string, { id }: Signatory): string {
  return proof.challenge(JSON.stringify(['holdfast passkey registration', 1, nonce, gateway.storeWatch.log, id]));
}

function eventOf(
  { gateway }: Pick<KeyDeps, 'gateway'>,
  type: 'key.requested' | 'key.registered' | 'key.revoked' | 'key.suspended',
  { id, owner, name, publicKey, algorithm, origin }: Omit<PersonKey, 'seal'>,
  actor: string,
  more: NewEvent['data'],
): NewEvent {
  const person = gateway.rules.persons().names.get(owner) ?? null;
  const data = { key: id, owner, person, name, publicKey, algorithm, origin, ...more };
  return { ...NO_SUBJECT, type, at: gateway.clock.now(), actor, data };
}

const NOWHERE =
  'Nobody can sign here: that needs oidc in the config, and HOLDFAST_PUBLIC_URL with https and a name, or localhost.';
const TOO_MANY_OPEN = 'You have begun this too often in this session. Wait five minutes.';
const OWN_KEY =
  'A second person has to register this passkey: another operator, or the admin token where somebody else holds it.';
const NOT_WHOLE =
  'Nothing was changed: it was changed meanwhile, or the passkeys in the database are not what a gateway left (see /readyz).';
