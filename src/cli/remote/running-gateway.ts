import { isHttpUrl } from '../../config/server.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { Misuse } from '../parse/misuse.ts';
import { type TokenOptions, tokenFor } from './token.ts';

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
    const url = addressFor(address.url, terminal.env);
    return new RunningGateway(url.replace(/\/+$/, ''), await tokenFor(address, terminal));
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

/**
 * Where the gateway is: `--url`, else HOLDFAST_PUBLIC_URL, else where HOLDFAST_LISTEN says that a gateway of this machine
 * listens. Not what a `holdfast.yaml` in this folder says: somebody else's would get the admin token sent to it.
 */
function addressFor(given: string | undefined, env: Terminal['env']): string {
  if (given !== undefined) {
    if (isHttpUrl(given)) return given;
    throw new Misuse('--url is an http or https URL such as http://127.0.0.1:8787');
  }
  if (env.HOLDFAST_PUBLIC_URL) return env.HOLDFAST_PUBLIC_URL;
  if (!env.HOLDFAST_LISTEN) return 'http://127.0.0.1:8787';
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(env.HOLDFAST_LISTEN);
  if (parts === null) throw new Misuse('HOLDFAST_LISTEN is host:port such as 127.0.0.1:8787 or [::1]:8787');
  const [, six, other, port] = parts;
  // Listening everywhere, it listens here too.
  const host = six === '::' ? '[::1]' : six !== undefined ? `[${six}]` : other === '0.0.0.0' ? '127.0.0.1' : other;
  return `http://${host}:${port}`;
}
