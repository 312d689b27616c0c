import { hash, randomUUID } from 'node:crypto';
import { compactVerify, errors } from 'jose';
import { isObject, type JsonObject } from '../domain/json/json.ts';
import {
  judgeTokenClaims,
  judgeTokenHeader,
  LONGEST_TOKEN,
  type RefusedToken,
  refusedToken,
  TOKEN_ALGORITHMS,
} from '../domain/people/access-token.ts';
import type { Claims } from '../domain/people/claims.ts';
import { judgeIntrospected, judgeOpaque } from '../domain/people/introspection.ts';
import { type AgentTokens, type AgentTokenTerms, type Clock, type ProviderFinding, Unavailable } from '../ports.ts';
import { AskedTokens } from './asked-tokens.ts';
import { type IntrospectionClient, introspect } from './introspection.ts';
import { type KeySet, ProviderKeys } from './provider-keys.ts';
import { isCompact, tokenParts } from './token-parts.ts';

/** Tokens whose signatures are remembered, so that each is not checked at every request. */
const MOST_REMEMBERED = 2_000;

/** How many tokens the provider is asked about at once. One account with many tokens holds up nobody else. */
const SIGNED_BOUNDS = { most: 5_000, atOnce: 16, waiting: 1_000, each: 32, waitMs: 5_000 };
/** What is not signed may be anybody's, so these have less, and apart from those that are. */
const OPAQUE_BOUNDS = { most: 1_000, atOnce: 4, waiting: 100, each: 1, waitMs: 5_000 };

/**
 * The `AgentTokens` port: signed JWTs, checked by `jose` with the keys of the one issuer that the config names. What a
 * signature was checked for is remembered as long as the keys are; everything else is judged at every request. Where the config
 * says so, the issuer is asked whether a token that passed all of it is good still.
 */
export function agentTokens(
  terms: () => AgentTokenTerms | null,
  { clock, steady }: { readonly clock: Clock; readonly steady: Clock },
): AgentTokens {
  const checked = new CheckedTokens();
  const steadyMs = (): number => steady.now().getTime();
  let keys: ProviderKeys | null = null;
  const keysOf = (issuer: string): ProviderKeys => {
    if (keys?.issuer !== issuer) keys = new ProviderKeys(issuer, steadyMs);
    return keys;
  };
  const ask = async (token: string): Promise<JsonObject> => {
    const own = terms();
    if (!own?.introspection) throw new Error('the config does not say any more that it is asked');
    const { metadata } = await keysOf(own.issuer).current();
    return introspect(metadata, own.introspection, token);
  };
  const times = { steady: steadyMs, againMs: () => terms()?.introspection?.recheckMs ?? 0 };
  const signed = new AskedTokens(SIGNED_BOUNDS, times, ask);
  const opaque = new AskedTokens(OPAQUE_BOUNDS, times, ask);
  const readSigned = async (token: string, own: AgentTokenTerms, judge: JudgeClaims): Promise<ReadToken> => {
    const parts = tokenParts(token);
    if (parts.kind === 'refused') return parts;
    const { header, claims } = parts;
    const unfit = judgeTokenHeader(header);
    if (unfit !== null) return unfit;
    // Before any key is looked for: another issuer's tokens must not make us ask ours.
    if (claims.iss !== own.issuer) return refusedToken('issuer', `Its issuer is not ${ascii(own.issuer)}.`);
    const forged = await checked.check(token, keysOf(own.issuer));
    if (forged !== null) return forged;
    const judged = judge(header, claims);
    if (judged.kind === 'refused' || own.introspection === null) return judged;
    // Last: whoever has no good token makes nobody ask.
    const word = await signed
      .word(judged.digest, { token, by: judged.account.subject, judge: (said) => judgeIntrospected(said, claims) })
      .catch((error: unknown) => unanswered(own.issuer, error));
    return word.kind === 'refused' ? word : judge(header, word.claims);
  };
  const readOpaque = async (token: string, own: AgentTokenTerms, judge: JudgeClaims): Promise<ReadToken> => {
    const digest = digestOf(token);
    const word = await opaque
      .word(digest, { token, by: digest, judge: (said) => judgeOpaque(said, own.issuer) })
      .catch((error: unknown) => unanswered(own.issuer, error));
    return word.kind === 'refused' ? word : judge({}, word.claims);
  };
  return {
    read: async (token, resource) => {
      const own = terms();
      if (own === null) return refusedToken('form', 'This gateway takes no access tokens.');
      const audiences = [...(own.audience === null ? [] : [own.audience]), resource, `${resource}/`];
      const judge: JudgeClaims = (header, claims) => {
        const judged = judgeTokenClaims(header, claims, { ...own, audiences }, clock.now());
        return judged.kind === 'refused'
          ? { ...judged, why: ascii(judged.why) }
          : { ...judged, digest: digestOf(token) };
      };
      const isOpaque = own.introspection?.opaque === true && token.length <= LONGEST_TOKEN && !isCompact(token);
      return isOpaque ? readOpaque(token, own, judge) : readSigned(token, own, judge);
    },
    stands: (digest) => {
      const asks = terms()?.introspection ?? null;
      if (asks === null) return !opaque.has(digest);
      return signed.stands(digest) || (asks.opaque && opaque.stands(digest));
    },
    look: async () => {
      const own = terms();
      return own === null ? null : lookAt(keysOf(own.issuer), own, clock);
    },
  };
}

type ReadToken = Awaited<ReturnType<AgentTokens['read']>>;
type JudgeClaims = (header: JsonObject, claims: Claims) => ReadToken;

function digestOf(token: string): string {
  return hash('sha256', token);
}

function unanswered(issuer: string, error: unknown): never {
  if (error instanceof Unavailable) throw error;
  const why = error instanceof Error ? error.message : String(error);
  throw new Unavailable('provider', `${issuer}: ${why}`, { cause: error });
}

class CheckedTokens {
  #good = new Set<string>();
  #by: KeySet | null = null;

  /** null: its signature is one of the provider's. */
  async check(token: string, keys: ProviderKeys): Promise<RefusedToken | null> {
    const known = await keys.current();
    if (this.#by !== known) this.#forgetAll(known);
    const digest = digestOf(token);
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

async function lookAt(
  keys: ProviderKeys,
  { introspection }: Pick<AgentTokenTerms, 'introspection'>,
  clock: Clock,
): Promise<ProviderFinding> {
  try {
    const { keys: found, metadata, date } = await keys.look();
    const registers =
      typeof metadata.registration_endpoint === 'string' || metadata.client_id_metadata_document_supported === true;
    const names = new Set(found.filter(isObject).map(({ alg, kty }) => String(alg ?? kty)));
    const skewS = date === null ? null : Math.round((date.getTime() - clock.now().getTime()) / 1_000);
    const mute = introspection === null ? null : await muteness(metadata, introspection);
    return { kind: 'found', keys: [...names].map(ascii), registers, skewS, mute };
  } catch (error) {
    return { kind: 'unusable', why: ascii(error instanceof Error ? error.message : String(error)) };
  }
}

/** Asks about a token that nobody has. null: the answer is as it should be. */
async function muteness(metadata: JsonObject, client: IntrospectionClient): Promise<string | null> {
  try {
    const { active } = await introspect(metadata, client, `nobodys-${randomUUID()}`);
    return active === true ? 'it calls a token active that nobody has' : null;
  } catch (error) {
    return ascii(error instanceof Error ? error.message : String(error));
  }
}

/** As a header and a terminal can hold it. */
function ascii(text: string): string {
  return text.replace(/[^\x20-\x7e]|"|\\/g, '?').slice(0, 500);
}
