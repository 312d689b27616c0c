import type { IncomingMessage } from 'node:http';

/**
 * Whether a request line names another address than the Host header: `POST http://elsewhere/mcp/x HTTP/1.1`. One reader
 * would take the request for one to that address, another for one to us, so nobody should answer it. A client of a proxy
 * may write its whole address there; it is then the same.
 */
export function isTargetElsewhere({ url = '/', headers }: Pick<IncomingMessage, 'url' | 'headers'>): boolean {
  if (url.startsWith('/')) return false;
  if (!URL.canParse(url)) return true;
  const target = new URL(url);
  const asked = `${target.protocol}//${headers.host ?? ''}`;
  const userinfo = target.username !== '' || target.password !== '';
  return userinfo || !URL.canParse(asked) || new URL(asked).host !== target.host;
}

/** HTTP 400 for such a request. */
export function targetElsewhere(): Response {
  const reason =
    'The request line names another address than the Host header. Send the path alone, as in POST /mcp/name.';
  const headers = {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  };
  return Response.json({ error: 'target_elsewhere', reason }, { status: 400, headers });
}
