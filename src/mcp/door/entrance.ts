import { isOurHost, type OwnAddresses, originOf } from '../../domain/addresses.ts';
import type { Principal } from '../../domain/call/call.ts';
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

/** What admission needs: the gateway's own addresses, its servers and its grants. */
export interface EntranceDeps extends OwnAddresses {
  readonly servers: (name: string) => ServerEntry | undefined;
  /** Compares in constant time; null for a token that no grant has. */
  readonly authenticate: (bearer: string) => AgentGrant | null;
}

/** The request is admitted: to this server, on behalf of this principal. */
export interface AdmittedAgent {
  readonly kind: 'entered';
  readonly server: ServerEntry;
  readonly principal: Principal;
  /** SHA-256, in hex, of the token that was presented. */
  readonly token: string;
}

/** The request is refused, with this answer. */
export interface TurnedAway {
  readonly kind: 'turned_away';
  readonly response: Response;
  /** The grant whose token was sent; null when there is none. */
  readonly grant: string | null;
  /** A token was sent that no grant has. */
  readonly guessed: boolean;
}

const BEARER = /^Bearer +([^\s]+) *$/i;

/**
 * Decides whether a request is admitted to the server named `name`. Checked in this order: Host and Origin (403), the
 * token (401), whether the server exists (404), whether the grant is bound to it (403).
 */
export function admitAgent(deps: EntranceDeps, headers: HeaderRecord, name: string): AdmittedAgent | TurnedAway {
  const foreign = refuseForeignAddress(deps, headers);
  if (foreign !== null) return turnAway(foreign);

  const bearer = BEARER.exec(headers.authorization ?? '')?.[1];
  const grant = bearer === undefined ? null : deps.authenticate(bearer);
  if (grant === null) {
    return { ...turnAway(unauthorized(deps, name, bearer !== undefined)), guessed: bearer !== undefined };
  }

  const server = deps.servers(name);
  if (server === undefined) {
    return turnAway(rpcError(404, 404, `There is no server named ${JSON.stringify(name)} here.`), grant.name);
  }
  if (!grant.servers.includes(server.name)) {
    const why = `This grant is not bound to ${server.name}. Ask the gateway's operator for it.`;
    return turnAway(rpcError(403, 403, why), grant.name);
  }
  const principal = { grant: grant.name, owner: grant.owner, selfApproval: grant.selfApproval };
  return { kind: 'entered', server, principal, token: grant.tokenSha256 };
}

function turnAway(response: Response, grant: string | null = null): TurnedAway {
  return { kind: 'turned_away', response, grant, guessed: false };
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

function unauthorized(deps: EntranceDeps, name: string, presented: boolean): Response {
  const metadata = `${deps.publicUrl()}/.well-known/oauth-protected-resource/mcp/${encodeURIComponent(name)}`;
  const wrong = `No grant has this token, or it has expired. ${USE_A_GRANT}`;
  const error = presented ? `, error="invalid_token", error_description="${wrong}"` : '';
  const why = presented ? wrong : "Send the grant's token: Authorization: Bearer ….";
  return rpcError(401, 401, why, 'null', { 'www-authenticate': `Bearer resource_metadata="${metadata}"${error}` });
}
