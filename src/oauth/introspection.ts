import { isObject, type JsonObject } from '../domain/json/json.ts';
import { fetchJson } from './fetch-json.ts';

/** Milliseconds that the provider may take to say whether a token is good: somebody waits for it. */
export const INTROSPECTION_MS = 5_000;
/** Bytes of such an answer. */
const LONGEST_ANSWER = 64 * 1024;
const HELP =
  'compare oauth.introspection.client_id and HOLDFAST_OAUTH_CLIENT_SECRET with the client at the provider, which must be allowed to introspect';

/** The client as which the provider is asked about tokens. */
export interface IntrospectionClient {
  readonly clientId: string;
  /** null: none was given, so that nothing can be asked. */
  readonly clientSecret: string | null;
}

/**
 * What the provider says of a token (RFC 7662); `active` is a boolean. `metadata`: what it says of itself. Rejects with an
 * `Error` whose message says what is wrong.
 */
export async function introspect(
  metadata: JsonObject,
  { clientId, clientSecret }: IntrospectionClient,
  token: string,
): Promise<JsonObject> {
  const { introspection_endpoint: endpoint } = metadata;
  if (typeof endpoint !== 'string') throw new Error('its discovery document has no introspection_endpoint');
  if (clientSecret === null) throw new Error('HOLDFAST_OAUTH_CLIENT_SECRET is not set');
  const inHeader = takesBasic(metadata);
  const form = new URLSearchParams({
    ...{ token, token_type_hint: 'access_token' },
    ...(inHeader ? {} : { client_id: clientId, client_secret: clientSecret }),
  });
  const authorization = inHeader ? { authorization: basic(clientId, clientSecret) } : {};
  const answer = await fetchJson(endpoint, {
    post: { form, headers: authorization },
    timeoutMs: INTROSPECTION_MS,
    longest: LONGEST_ANSWER,
    help: HELP,
  });
  if (answer === null) throw new Error(`its introspection_endpoint answered 404 (${HELP})`);
  const { json } = answer;
  if (!isObject(json) || typeof json.active !== 'boolean')
    throw new Error('its introspection_endpoint does not say whether a token is active');
  return json;
}

/** Where it says nothing, by RFC 8414 it takes what the token endpoint takes, and that is Basic. */
function takesBasic(metadata: JsonObject): boolean {
  const said = metadata.introspection_endpoint_auth_methods_supported ?? metadata.token_endpoint_auth_methods_supported;
  if (!Array.isArray(said) || said.includes('client_secret_basic')) return true;
  if (said.includes('client_secret_post')) return false;
  throw new Error('its introspection_endpoint takes neither client_secret_basic nor client_secret_post');
}

/** RFC 6749, section 2.3.1: both are encoded as in a form first. */
function basic(clientId: string, clientSecret: string): string {
  const [id, secret] = [clientId, clientSecret].map((text) => new URLSearchParams({ x: text }).toString().slice(2));
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}
