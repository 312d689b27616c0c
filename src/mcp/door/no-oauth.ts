import { GUARDED_HEADERS } from '../protocol/response.ts';

/** Where OAuth clients look for a server of their kind at the origin of a resource that names none. */
export const OAUTH_PATHS: readonly string[] = ['/register', '/authorize', '/token'];

/** What to do about a token that is refused; ASCII without quotes, as a header needs it. */
export const USE_A_GRANT =
  'This gateway has no OAuth login. Send the token of a grant as Authorization: Bearer; its operator makes one with: holdfast grant new.';

/**
 * HTTP 400 in the form of OAuth (RFC 6749, 5.2), because the SDKs and mcp-remote answer a refused token by registering
 * at the gateway, and show people the description that they get there, and nothing else.
 */
export function noOAuth(issuer: string | null = null): Response {
  const signIn =
    issuer === null
      ? USE_A_GRANT
      : `This gateway is no authorization server; its clients sign in at ${issuer}, which /.well-known/oauth-protected-resource/mcp/{server} names.`;
  const why = `The token is missing, wrong or no longer valid. ${signIn}`;
  const body = { error: 'access_denied', error_description: why };
  return Response.json(body, { status: 400, headers: GUARDED_HEADERS });
}
