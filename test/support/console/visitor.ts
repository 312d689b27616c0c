/** The headers that a browser sends once somebody has signed in. */
export interface Visitor {
  readonly cookie: string;
  readonly origin: string;
  readonly [header: string]: string;
}

/** Signs in through the form, without a browser. Rejects when the token is not accepted. */
export async function visitor(url: string, token: string): Promise<Visitor> {
  const signed = await fetch(`${url}/login`, {
    method: 'POST',
    headers: { origin: url },
    body: new URLSearchParams({ token, next: '/' }),
    redirect: 'manual',
  });
  if (signed.status !== 303) throw new Error(`${signed.status} ${await signed.text()}`);
  return { cookie: signed.headers.getSetCookie()[0]!.split(';')[0]!, origin: url };
}
