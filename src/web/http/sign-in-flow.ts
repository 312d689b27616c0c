import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { isSecure, type OwnAddresses } from '../../domain/addresses.ts';
import type { SignInFlow, Vault } from '../../ports.ts';

/** Milliseconds that a person may take at the provider. */
const FLOW_MS = 10 * 60_000;
const ROW = 'sign-in flow';
/** Flows of the last minutes that were used; of more than these the oldest are forgotten. */
const MOST_SPENT = 20_000;

/** A sign-in that is under way in one browser. */
export interface OpenFlow extends SignInFlow {
  /** The path to go to afterwards. */
  readonly next: string;
  /** The login that this browser has already, by its id, and that ends with the sign-in; null: none. */
  readonly before: string | null;
}

/**
 * A sign-in under way is in its browser only, in one sealed cookie. It is sent on the way back from the provider, which is
 * another site, so it is SameSite=Lax; it signs nobody in by itself.
 */
export class SignInFlows {
  readonly #vault: Vault;
  readonly #addresses: OwnAddresses;
  /** States of flows that were used, and when they may be forgotten, in ms. */
  readonly #spent = new Map<string, number>();

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

  /** Uses a flow up; false: it was used before, at this replica. Of another one, the provider or the row of the login knows. */
  spend({ state }: OpenFlow, now: Date): boolean {
    const at = now.getTime();
    for (const [known, until] of this.#spent) {
      if (until > at && this.#spent.size < MOST_SPENT) break;
      this.#spent.delete(known);
    }
    if (this.#spent.has(state)) return false;
    this.#spent.set(state, at + FLOW_MS);
    return true;
  }

  get #cookie(): string {
    return isSecure(this.#addresses) ? '__Host-holdfast_sign_in' : 'holdfast_sign_in';
  }
}
