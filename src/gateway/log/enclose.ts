import type { JsonObject } from '../../domain/json/json.ts';
import {
  boxName,
  boxText,
  commitmentText,
  type Disclosed,
  ENCLOSED,
  type Enclosed,
  erasablePart,
} from '../../domain/log/enclosed.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Erasures, NewApproval, Vault } from '../../ports.ts';
import type { Rules } from '../rules.ts';

/** Octets of keys and salts. */
const OCTETS = 32;

type Enclosing = Pick<Vault, 'enclose' | 'open' | 'proof' | 'random'>;

/** The key of an approval that is being opened, wrapped; nothing where what the log says of it is to stay. */
export function newKey(
  { rules, vault }: { readonly rules: Pick<Rules, 'erasable'>; readonly vault: Pick<Vault, 'random' | 'seal'> },
  approval: string,
): Pick<NewApproval, 'erasable'> {
  if (rules.erasable !== true) return {};
  return { erasable: vault.seal('erasable', approval, new TextEncoder().encode(vault.random(OCTETS))) };
}

/** The event of a request, as it is written of a call that can be erased. */
export function enclosedRequest(vault: Enclosing, { approval, erasable }: NewApproval, event: NewEvent): NewEvent {
  return erasable === undefined
    ? event
    : { ...event, data: enclosedBy(vault, keyIn(vault, approval.id, erasable), approval.id, event) };
}

/** How data of an event about an approval that exists are written: as they are, where that has no key. One look into the store where calls can be erased. */
export async function enclosedData(
  gateway: { readonly erasures: Erasures; readonly rules: Pick<Rules, 'erasable'>; readonly vault: Enclosing },
  approval: string,
  event: Pick<NewEvent, 'type' | 'data'>,
): Promise<JsonObject> {
  if (gateway.rules.erasable !== true) return event.data;
  const wrapped = (await gateway.erasures.keys([approval])).get(approval)?.key ?? null;
  if (wrapped === null) return event.data;
  return enclosedBy(gateway.vault, keyIn(gateway.vault, approval, wrapped), approval, event);
}

function enclosedBy(
  vault: Enclosing,
  key: string,
  approval: string,
  { type, data }: Pick<NewEvent, 'type' | 'data'>,
): JsonObject {
  const part = erasablePart(type, data);
  if (part === null) return data;
  const disclosed: Omit<Disclosed, 'commitment'> = { salt: vault.random(OCTETS), data: part.taken };
  const place = { approval, type };
  const enclosed: Enclosed = {
    box: vault.enclose(key, boxName(place), boxText(disclosed)),
    commitment: vault.proof.sha256(commitmentText(place, disclosed)),
  };
  return { ...part.rest, [ENCLOSED]: { box: enclosed.box, commitment: enclosed.commitment } };
}

/** Throws where no listed secret wrapped it, or it is not of this approval. */
export function keyIn(vault: Pick<Vault, 'open'>, approval: string, wrapped: Uint8Array): string {
  return new TextDecoder().decode(vault.open('erasable', approval, wrapped));
}
