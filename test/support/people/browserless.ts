/** A browser without pages: it keeps cookies by host and follows where it is sent. */
export class Jar {
  readonly #cookies = new Map<string, Map<string, string>>();

  /** The cookies that would be sent there. */
  header(url: string): string {
    return [...(this.#cookies.get(new URL(url).host) ?? [])].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  get(url: string, name: string): string | undefined {
    return this.#cookies.get(new URL(url).host)?.get(name);
  }

  set(url: string, name: string, value: string): void {
    this.#of(url).set(name, value);
  }

  drop(url: string, name: string): void {
    this.#of(url).delete(name);
  }

  async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    const cookie = this.header(url);
    if (cookie !== '') headers.set('cookie', cookie);
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';');
      const at = pair.indexOf('=');
      const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
      const isOver = attributes.some((one) => /^\s*(max-age=0|expires=thu, 01 jan 1970)/i.test(one));
      if (isOver) this.#of(url).delete(name);
      else this.#of(url).set(name, value);
    }
    return response;
  }

  /** Follows redirects, at most 20. */
  async follow(
    url: string,
    until: (url: string) => boolean = () => false,
  ): Promise<{ url: string; response: Response }> {
    let at = url;
    for (let hops = 0; hops < 20; hops += 1) {
      const response = await this.fetch(at);
      const to = response.headers.get('location');
      if (to === null) return { url: at, response };
      await response.body?.cancel();
      at = new URL(to, at).href;
      if (until(at)) return { url: at, response };
    }
    throw new Error('too many redirects');
  }

  #of(url: string): Map<string, string> {
    const { host } = new URL(url);
    const own = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, own);
    return own;
  }
}

/** Goes to the provider and says who it is there; returns the address with which it is sent back to the gateway. */
export async function atProvider(jar: Jar, gateway: string, login: string, next = '/'): Promise<string> {
  const isBack = (url: string): boolean => url.startsWith(`${gateway}/oidc/callback`);
  let { url, response } = await jar.follow(`${gateway}/oidc/login?next=${encodeURIComponent(next)}`, isBack);
  for (let forms = 0; forms < 3 && !isBack(url); forms += 1) {
    const page = await response.text();
    const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
    if (prompt === undefined) throw new Error(`no form at ${url}: ${response.status} ${page.slice(0, 300)}`);
    const action = /action="([^"]+)"/.exec(page)?.[1] ?? url;
    const posted = await jar.fetch(new URL(action, url).href, {
      method: 'POST',
      body: new URLSearchParams({ prompt, login, password: 'x' }),
    });
    const to = new URL(posted.headers.get('location')!, url).href;
    ({ url, response } = isBack(to) ? { url: to, response: posted } : await jar.follow(to, isBack));
  }
  return url;
}

/** Signs in at the gateway through its provider. The answer to the callback. */
export async function signInAs(jar: Jar, gateway: string, login: string, next = '/'): Promise<Response> {
  return jar.fetch(await atProvider(jar, gateway, login, next));
}
