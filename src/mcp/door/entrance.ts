import { isOurHost, type OwnAddresses, originOf } from '../../domain/addresses.ts';
import type { Principal } from '../../domain/call/call.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { rpcError } from '../protocol/response.ts';
import type { ServerEntry } from '../upstream/server.ts';
import { USE_A_GRANT } from './no-oauth.ts';

/** An agent's credential, found by its token. */
export interface AgentGrant {
  readonly name: string;
  readonly owner: string | null;
  readonly selfApproval: boolean;
  /** Names of the servers it is bound to. */
  readonly servers: readonly string[];
  /** SHA-256, in hex, of the token that was presented. */
  readonly tokenSha256: string;
}

/** What an access token gives, or why it gives nothing. `why`: ASCII without quotes, as a header needs it. */
export type AgentAdmission =
  | {
      readonly kind: 'admitted';
      readonly grant: Pick<AgentGrant, 'name' | 'servers'>;
      readonly principal: Principal;
      /** By what the request stays admitted, and a stream that only listens: for as long as the token is good. */
      readonly credential: string;
      readonly listening: string;
      /** For the event of its use. */
      readonly about: JsonObject;
    }
  /** 401. `guessed`: it counts as a guess. */
  | { readonly kind: 'refused'; readonly fault: string; readonly why: string; readonly guessed: boolean }
  /** 403. `fault`: `scope` where a token with all scopes would do. */
  | { readonly kind: 'forbidden'; readonly fault: 'scope' | 'no_grant'; readonly why: string }
  /** 503: what is needed to judge the token cannot be had. */
  | { readonly kind: 'unavailable'; readonly why: string };

/** Agents with access tokens: the provider that makes them, and what they give. */
export interface AccessTokenDoor {
  /** null: none are taken. `opaque`: not signed JWTs alone. */
  provider(): { readonly issuer: string; readonly scopes: readonly string[]; readonly opaque: boolean } | null;
  /** `resource`: the address of the server that is called. Never rejects. */
  admit(token: string, resource: string): Promise<AgentAdmission>;
}

/** What admission needs: the gateway's own addresses, its servers and its grants. */
export interface EntranceDeps extends OwnAddresses {
  readonly servers: (name: string) => ServerEntry | undefined;
  /** Compares in constant time; null for a token that no grant has. */
  readonly authenticate: (bearer: string) => AgentGrant | null;
  /** Absent: access tokens are not taken. */
  readonly accessTokens?: AccessTokenDoor;
}

/** The request is admitted: to this server, on behalf of this principal. */
export interface AdmittedAgent {
  readonly kind: 'entered';
  readonly server: ServerEntry;
  readonly principal: Principal;
  /** By what it stays admitted: the SHA-256, in hex, of the grant's token that was presented, or what stands for an account. */
  readonly token: string;
  /** The same for a stream that only listens. */
  readonly listening: string;
  /** Of the account that it came with, for the event of its use. */
  readonly about: JsonObject;
}

/** The request is refused, with this answer. */
export interface TurnedAway {
  readonly kind: 'turned_away';
  readonly response: Response;
  /** The principal whose token was sent; null when there is none. */
  readonly grant: string | null;
  /** A token was sent that no grant has. */
  readonly guessed: boolean;
  /** What is wrong with an access token, in one word; null: it was none, or nothing is. */
  readonly why: string | null;
  /** A client that knows OAuth goes on from this answer, and needs its status. */
  readonly challenges: boolean;
}

const BEARER = /^Bearer +([^\s]+) *$/i;
/** What looks like a signed JWT. */
const SIGNED = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * Decides whether a request is admitted to the server named `name`. Checked in this order: Host and Origin (403), the
 * token (401), whether the server exists (404), whether the grant is bound to it (403). A grant's own token comes first,
 * whatever it looks like, and is judged at once.
 */
export function admitAgent(
  deps: EntranceDeps,
  headers: HeaderRecord,
  name: string,
): AdmittedAgent | TurnedAway | Promise<AdmittedAgent | TurnedAway> {
  const foreign = refuseForeignAddress(deps, headers);
  if (foreign !== null) return turnAway(foreign);

  const bearer = BEARER.exec(headers.authorization ?? '')?.[1];
  const grant = bearer === undefined ? null : deps.authenticate(bearer);
  if (grant !== null) {
    const principal = { grant: grant.name, owner: grant.owner, selfApproval: grant.selfApproval };
    const token = grant.tokenSha256;
    return enter(deps, name, { grant, principal, credential: token, listening: token, about: {} });
  }
  const provider = deps.accessTokens?.provider() ?? null;
  if (bearer === undefined || provider === null || !(provider.opaque || SIGNED.test(bearer))) {
    const challenges = provider !== null && bearer === undefined;
    const wrong =
      provider === null ? `No grant has this token, or it has expired. ${USE_A_GRANT}` : opaqueWords(provider.issuer);
    const response = unauthorized(deps, name, bearer === undefined ? null : wrong);
    return { ...turnAway(response), guessed: bearer !== undefined, challenges };
  }
  return admitAccount(deps, deps.accessTokens!, name, bearer);
}

async function admitAccount(
  deps: EntranceDeps,
  tokens: AccessTokenDoor,
  name: string,
  bearer: string,
): Promise<AdmittedAgent | TurnedAway> {
  const found = await tokens.admit(bearer, resourceOf(deps, name));
  switch (found.kind) {
    case 'admitted':
      return enter(deps, name, found);
    case 'refused': {
      const response = unauthorized(deps, name, `This access token is refused. ${found.why}`);
      return { ...turnAway(response), guessed: found.guessed, why: found.fault, challenges: true };
    }
    case 'forbidden': {
      const { scopes = [] } = tokens.provider() ?? {};
      const challenge = `Bearer error="insufficient_scope", scope="${scopes.join(' ')}", resource_metadata="${metadataOf(deps, name)}", error_description="${found.why}"`;
      const isScope = found.fault === 'scope';
      const response = rpcError(403, 403, found.why, 'null', isScope ? { 'www-authenticate': challenge } : {});
      return { ...turnAway(response), why: found.fault, challenges: isScope };
    }
    case 'unavailable': {
      const why = `No access token can be judged now: ${found.why}. Nothing was forwarded. Try again in a minute.`;
      return { ...turnAway(rpcError(503, 503, why, 'null', { 'retry-after': '10' })), why: 'provider' };
    }
    default:
      return found satisfies never;
  }
}

function enter(
  deps: EntranceDeps,
  name: string,
  { grant, principal, credential, listening, about }: Omit<Extract<AgentAdmission, { kind: 'admitted' }>, 'kind'>,
): AdmittedAgent | TurnedAway {
  const server = deps.servers(name);
  if (server === undefined) {
    return turnAway(rpcError(404, 404, `There is no server named ${JSON.stringify(name)} here.`), principal.grant);
  }
  if (!grant.servers.includes(server.name)) {
    const why = `This grant is not bound to ${server.name}. Ask the gateway's operator for it.`;
    return turnAway(rpcError(403, 403, why), principal.grant);
  }
  return { kind: 'entered', server, principal, token: credential, listening, about };
}

function turnAway(response: Response, grant: string | null = null): TurnedAway {
  return { kind: 'turned_away', response, grant, guessed: false, why: null, challenges: false };
}

/**
 * HTTP 403 unless Host and Origin are the gateway's own; null when they are. Otherwise a page in a browser could reach
 * the gateway by a name of its own (DNS rebinding).
 */
export function refuseForeignAddress(addresses: OwnAddresses, { host, origin }: HeaderRecord): Response | null {
  if (!isOurHost(addresses, host)) {
    return rpcError(
      403,
      403,
      "This Host is not one of the gateway's. Set HOLDFAST_PUBLIC_URL to the address that people use, or list this one in HOLDFAST_AGENT_HOSTS.",
    );
  }
  if (originOf(addresses, host, origin) !== 'foreign') return null;
  return rpcError(403, 403, 'Requests from this Origin are not accepted.');
}

/** The address of a server here, which is what a token has to be for (RFC 8707). */
export function resourceOf(deps: Pick<OwnAddresses, 'publicUrl'>, name: string): string {
  return `${deps.publicUrl()}/mcp/${encodeURIComponent(name)}`;
}

function metadataOf(deps: Pick<OwnAddresses, 'publicUrl'>, name: string): string {
  return `${deps.publicUrl()}/.well-known/oauth-protected-resource/mcp/${encodeURIComponent(name)}`;
}

function opaqueWords(issuer: string): string {
  return `No grant has this token, and it is no signed JWT of ${issuer}: opaque tokens cannot be checked here.`;
}

/** `wrong`: what is wrong with the token that was sent, as a header needs it; null: none was. */
function unauthorized(deps: EntranceDeps, name: string, wrong: string | null): Response {
  const provider = deps.accessTokens?.provider() ?? null;
  const scope = provider !== null && provider.scopes.length > 0 ? `, scope="${provider.scopes.join(' ')}"` : '';
  const error = wrong === null ? '' : `, error="invalid_token", error_description="${wrong}"`;
  const send =
    provider === null
      ? "Send the grant's token: Authorization: Bearer …."
      : `Sign in at ${provider.issuer}, as MCP clients do by themselves, or send a grant's token: Authorization: Bearer ….`;
  const challenge = `Bearer resource_metadata="${metadataOf(deps, name)}"${scope}${error}`;
  return rpcError(401, 401, wrong ?? send, 'null', { 'www-authenticate': challenge });
}
