import type { Terminal } from '../../main/process/terminal.ts';
import { Misuse } from '../parse/misuse.ts';

/** Where a gateway runs, as far as the command line says it. */
export interface GatewayAddress {
  readonly url?: string;
  readonly token?: string;
}

/** A running gateway, asked over HTTP like any other reviewer asks: in embedded mode it alone may open the database. */
export class RunningGateway {
  readonly #url: string;
  readonly #token: string;

  constructor({ url, token }: GatewayAddress, { env }: Terminal) {
    const adminToken = token ?? env.HOLDFAST_ADMIN_TOKEN;
    if (!adminToken) throw new Misuse('Set HOLDFAST_ADMIN_TOKEN to the gateway’s admin token.');
    this.#token = adminToken;
    this.#url = (url ?? env.HOLDFAST_PUBLIC_URL ?? 'http://127.0.0.1:8787').replace(/\/+$/, '');
  }

  /** Throws when there is no answer. */
  async request(
    path: string,
    init: RequestInit & { readonly headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const headers = { ...init.headers, authorization: `Bearer ${this.#token}` };
    return fetch(this.#url + path, { ...init, headers }).catch(() => {
      throw new Error(`${this.#url} does not answer. Is the gateway running, and is --url right?`);
    });
  }
}
