import { hash } from 'node:crypto';
import { compactVerify, errors } from 'jose';
import { isObject } from '../domain/json/json.ts';
import {
  judgeTokenClaims,
  judgeTokenHeader,
  type RefusedToken,
  refusedToken,
  TOKEN_ALGORITHMS,
} from '../domain/people/access-token.ts';
import type { AgentTokens, AgentTokenTerms, Clock, ProviderFinding } from '../ports.ts';
import { type KeySet, ProviderKeys } from './provider-keys.ts';
import { tokenParts } from './token-parts.ts';

/** Tokens whose signatures are remembered, so that each is not checked at every request. */
const MOST_REMEMBERED = 2_000;

/**
 * The `AgentTokens` port: signed JWTs, checked by `jose` with the keys of the one issuer that the config names. What a
 * signature was checked for is remembered as long as the keys are; everything else is judged at every request.
 */
export function agentTokens(
  terms: () => AgentTokenTerms | null,
  { clock, steady }: { readonly clock: Clock; readonly steady: Clock },
): AgentTokens {
  const checked = new CheckedTokens();
  let keys: ProviderKeys | null = null;
  const keysOf = (issuer: string): ProviderKeys => {
    if (keys?.issuer !== issuer) keys = new ProviderKeys(issuer, () => steady.now().getTime());
    return keys;
  };
  return {
    read: async (token, resource) => {
      const own = terms();
      if (own === null) return refusedToken('form', 'This gateway takes no access tokens.');
      const parts = tokenParts(token);
      if (parts.kind === 'refused') return parts;
      const { header, claims } = parts;
      const unfit = judgeTokenHeader(header);
      if (unfit !== null) return unfit;
      // Before any key is looked for: another issuer's tokens must not make us ask ours.
      if (claims.iss !== own.issuer) return refusedToken('issuer', `Its issuer is not ${ascii(own.issuer)}.`);
      const forged = await checked.check(token, keysOf(own.issuer));
      if (forged !== null) return forged;
      const audiences = [...(own.audience === null ? [] : [own.audience]), resource, `${resource}/`];
      const judged = judgeTokenClaims(header, claims, { ...own, audiences }, clock.now());
      return judged.kind === 'refused' ? { ...judged, why: ascii(judged.why) } : judged;
    },
    look: async () => {
      const own = terms();
      return own === null ? null : lookAt(keysOf(own.issuer), clock);
    },
  };
}

class CheckedTokens {
  #good = new Set<string>();
  #by: KeySet | null = null;

  /** null: its signature is one of the provider's. */
  async check(token: string, keys: ProviderKeys): Promise<RefusedToken | null> {
    const known = await keys.current();
    if (this.#by !== known) this.#forgetAll(known);
    const digest = hash('sha256', token);
    if (this.#good.has(digest)) return null;
    let found = await verify(token, known);
    if (found === 'no_key') {
      const newer = await keys.newer(known);
      if (newer !== known) found = await verify(token, newer);
    }
    if (found === 'no_key')
      return refusedToken(
        'key',
        `It is signed by no key of ${ascii(keys.issuer)}. If keys were changed just now, try again in 30 seconds.`,
      );
    if (found === 'bad') return refusedToken('signature', 'Its signature is wrong.');
    if (this.#good.size >= MOST_REMEMBERED) this.#good.clear();
    if (this.#by === known) this.#good.add(digest);
    return null;
  }

  #forgetAll(by: KeySet): void {
    this.#by = by;
    this.#good = new Set();
  }
}

async function verify(token: string, { find }: KeySet): Promise<'good' | 'bad' | 'no_key'> {
  const options = { algorithms: [...TOKEN_ALGORITHMS] };
  try {
    await compactVerify(token, find, options);
    return 'good';
  } catch (error) {
    if (error instanceof errors.JWKSNoMatchingKey) return 'no_key';
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return 'bad';
    for await (const key of error) {
      const isGood = await compactVerify(token, key, options).then(
        () => true,
        () => false,
      );
      if (isGood) return 'good';
    }
    return 'bad';
  }
}

async function lookAt(keys: ProviderKeys, clock: Clock): Promise<ProviderFinding> {
  try {
    const { keys: found, metadata, date } = await keys.look();
    const registers =
      typeof metadata.registration_endpoint === 'string' || metadata.client_id_metadata_document_supported === true;
    const names = new Set(found.filter(isObject).map(({ alg, kty }) => String(alg ?? kty)));
    const skewS = date === null ? null : Math.round((date.getTime() - clock.now().getTime()) / 1_000);
    return { kind: 'found', keys: [...names].map(ascii), registers, skewS };
  } catch (error) {
    return { kind: 'unusable', why: ascii(error instanceof Error ? error.message : String(error)) };
  }
}

/** As a header and a terminal can hold it. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]|"|\\/g, '?').slice(0, 500);
}
