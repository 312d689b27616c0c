import type { Terminal } from '../../main/process/terminal.ts';
import { adminTokenFor, type TokenOptions } from './token.ts';

/** Where a gateway runs, as far as the command line says it. */
export interface GatewayAddress extends TokenOptions {
  readonly url?: string;
}

/** A running gateway, asked over HTTP like any other reviewer asks: in embedded mode it alone may open the database. */
export class RunningGateway {
  readonly #url: string;
  readonly #token: string;

  private constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /** Finds the token; throws `Misuse` when there is none. Nothing is sent yet. */
  static async at(address: GatewayAddress, terminal: Terminal): Promise<RunningGateway> {
    const url = address.url ?? terminal.env.HOLDFAST_PUBLIC_URL ?? 'http://127.0.0.1:8787';
    return new RunningGateway(url.replace(/\/+$/, ''), await adminTokenFor(address, terminal));
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
