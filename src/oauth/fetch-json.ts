import { readBounded } from '../bytes/read.ts';
import { isObject, type JsonObject } from '../domain/json/json.ts';

/** Milliseconds that the provider may take for one answer. */
const TIMEOUT_MS = 10_000;
/** Bytes of one answer. */
const LONGEST_ANSWER = 512 * 1024;
const CLOSED: ReadonlySet<unknown> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** What was fetched, and the sender's clock. */
export interface FetchedJson {
  readonly json: JsonObject;
  /** null: it told no time. */
  readonly date: Date | null;
}

/** How it is asked, where that is not a GET of what everybody may have. */
interface Asking {
  readonly post: { readonly form: URLSearchParams; readonly headers: Readonly<Record<string, string>> };
  /** Milliseconds for the whole answer. */
  readonly timeoutMs: number;
  /** Bytes of the answer. */
  readonly longest: number;
  /** What to do where it refuses. */
  readonly help: string;
}

/**
 * A JSON object from the provider. Redirects are not followed, and plain http is for this machine only. Rejects with an
 * `Error` whose message says what is wrong; null: there is nothing at this address (404).
 */
export async function fetchJson(url: string, asking: Asking | null = null): Promise<FetchedJson | null> {
  if (!isSafe(url)) throw new Error(`${shownUrl(url)} is not https`);
  const { timeoutMs, longest } = asking ?? { timeoutMs: TIMEOUT_MS, longest: LONGEST_ANSWER };
  const init: RequestInit = {
    ...(asking !== null && { method: 'POST', body: asking.post.form }),
    headers: { accept: 'application/json', ...asking?.post.headers },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  };
  const sent = fetch(url, init).catch((error: unknown) => {
    if (wasClosed(error)) return fetch(url, init);
    throw error;
  });
  const answer = await sent.catch((error: unknown) => {
    throw new Error(`${shownUrl(url)} does not answer (${nameOf(error, timeoutMs)})`, { cause: error });
  });
  if (answer.status !== 200 || answer.body === null) {
    await answer.body?.cancel().catch(() => undefined);
    if (answer.status === 404) return null;
    const help = asking !== null && [400, 401, 403].includes(answer.status) ? ` (${asking.help})` : '';
    throw new Error(`${shownUrl(url)} answered ${answer.status}${help}`);
  }
  const bytes = await readBounded(answer.body, longest).catch((error: unknown) => {
    throw new Error(`${shownUrl(url)} broke off (${nameOf(error, timeoutMs)})`, { cause: error });
  });
  if (bytes === null) throw new Error(`${shownUrl(url)} answered more than ${longest} bytes`);
  const json = parsed(new TextDecoder().decode(bytes));
  if (!isObject(json)) throw new Error(`${shownUrl(url)} did not answer with a JSON object`);
  const date = new Date(answer.headers.get('date') ?? '');
  return { json, date: Number.isNaN(date.getTime()) ? null : date };
}

/** Whoever is in between would be the provider. */
export function isSafe(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname, username } = new URL(url);
  return username === '' && (protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname)));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The connection was one that is kept open, and was closed just now: another one may do. Asking twice changes nothing. */
function wasClosed(error: unknown): boolean {
  return CLOSED.has(codeOf(error));
}

function codeOf(error: unknown): unknown {
  return (error as { cause?: { code?: unknown } } | null)?.cause?.code;
}

function nameOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'no answer';
  if (error.name === 'TimeoutError') return `not within ${timeoutMs / 1_000} seconds`;
  const code = codeOf(error);
  return typeof code === 'string' ? code : error.name;
}

/** Without what a header or a terminal could not show. */
function shownUrl(url: string): string {
  return url.replace(/[^\x21-\x7e]|"/g, '?').slice(0, 200);
}
