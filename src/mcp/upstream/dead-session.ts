import { type Attempt, attempt } from './attempt.ts';
import { freshSession } from './fresh-session.ts';
import type { OutgoingRequest } from './outgoing.ts';

/** What became of the proof. */
type DeadProof<T> =
  /** The session is dead; `result`: what was made of the new one. */
  | { readonly proven: true; readonly result: T }
  /** `alive`: the session answers. Else nobody knows. */
  | { readonly proven: false; readonly alive: boolean };

/** Milliseconds for each `ping`. */
const PING_MS = 10_000;

/**
 * Proves that the request's session is dead: the server refuses a `ping` in it with 400 or 404, but answers one in a
 * session that it opens now. Only then `then` is called, once, with the headers of the new session, which is ended
 * afterwards.
 */
export async function provenInNewSession<T>(
  request: Pick<OutgoingRequest, 'grant' | 'headers' | 'upstream'>,
  then: (headers: Record<string, string>) => Promise<T>,
): Promise<DeadProof<T>> {
  const { upstream, grant, headers } = request;
  const before = await ping(request, headers);
  if (before.status !== 400 && before.status !== 404) return { proven: false, alive: isAnswered(before) };
  return freshSession<DeadProof<T>>({ upstream }, grant, headers, {
    send: async (inSession) => {
      if (inSession['mcp-session-id'] === undefined || !isAnswered(await ping(request, inSession)))
        return { proven: false, alive: false };
      return { proven: true, result: await then(inSession) };
    },
    refused: () => ({ proven: false, alive: false }),
  });
}

function isAnswered({ status, outcome }: Attempt): boolean {
  return outcome.kind === 'returned' && status !== null && status < 300;
}

function ping(
  { upstream, grant }: Pick<OutgoingRequest, 'grant' | 'upstream'>,
  headers: Readonly<Record<string, string>>,
): Promise<Attempt> {
  const idText = JSON.stringify(`holdfast-${crypto.randomUUID()}`);
  const bytes = new TextEncoder().encode(`{"jsonrpc":"2.0","id":${idText},"method":"ping"}`);
  const signal = AbortSignal.timeout(PING_MS);
  return attempt({ upstream, grant, headers, bytes, idText, signal, onEvent: () => undefined });
}
