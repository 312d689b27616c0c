import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { isSecure, type OwnAddresses } from '../../domain/addresses.ts';
import type { SignInFlow, Vault } from '../../ports.ts';

/** Milliseconds that a person may take at the provider. */
const FLOW_MS = 10 * 60_000;
const ROW = 'sign-in flow';

/** A sign-in that is under way in one browser. */
export interface OpenFlow extends SignInFlow {
  /** The path to go to afterwards. */
  readonly next: string;
}

/**
 * A sign-in under way is in its browser only, in one sealed cookie. It is sent on the way back from the provider, which is
 * another site, so it is SameSite=Lax; it signs nobody in by itself.
 */
export class SignInFlows {
  readonly #vault: Vault;
  readonly #addresses: OwnAddresses;

  constructor(vault: Vault, addresses: OwnAddresses) {
    this.#vault = vault;
    this.#addresses = addresses;
  }

  begin(c: Context, flow: OpenFlow, now: Date): void {
    const text = JSON.stringify({ ...flow, until: now.getTime() + FLOW_MS });
    const sealed = this.#vault.seal('state', ROW, new TextEncoder().encode(text));
    const secure = isSecure(this.#addresses);
    const value = Buffer.from(sealed).toString('base64url');
    setCookie(c, this.#cookie, value, { httpOnly: true, sameSite: 'Lax', path: '/', secure, maxAge: FLOW_MS / 1_000 });
  }

  /** The flow of this browser, which is over by this; null: there is none, or it took too long. */
  end(c: Context, now: Date): OpenFlow | null {
    const value = getCookie(c, this.#cookie);
    deleteCookie(c, this.#cookie, { path: '/', secure: isSecure(this.#addresses) });
    if (value === undefined) return null;
    try {
      const bytes = this.#vault.open('state', ROW, Buffer.from(value, 'base64url'));
      const { until, ...flow } = JSON.parse(new TextDecoder().decode(bytes)) as OpenFlow & { readonly until: number };
      const left = until - now.getTime();
      return left > 0 && left <= FLOW_MS ? flow : null;
    } catch {
      // Not ours, or of a secret that is no longer listed.
      return null;
    }
  }

  get #cookie(): string {
    return isSecure(this.#addresses) ? '__Host-holdfast_sign_in' : 'holdfast_sign_in';
  }
}
