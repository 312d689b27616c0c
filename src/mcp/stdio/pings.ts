/** Milliseconds that a client has to answer a ping. Official SDKs answer by themselves, at once. */
const ANSWER_MS = 3_000;

/** Pings of the gateway's own to one session's client, by which it finds out whether anybody is there. */
export class ClientPings {
  /** By id as JSON text. */
  readonly #waiting = new Map<string, () => void>();

  /** Sends a ping by `send`, which gets one JSON-RPC message. False: nobody answered it in time. */
  async answered(send: (line: Uint8Array) => void): Promise<boolean> {
    const id = JSON.stringify(`holdfast-${crypto.randomUUID()}`);
    let timer: NodeJS.Timeout | undefined;
    const heard = new Promise<boolean>((resolve) => {
      this.#waiting.set(id, () => resolve(true));
      timer = setTimeout(() => resolve(false), ANSWER_MS);
    });
    send(new TextEncoder().encode(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`));
    const isThere = await heard;
    clearTimeout(timer);
    this.#waiting.delete(id);
    return isThere;
  }

  /** Whether a response with this id answers one of them; then it is not the child's. */
  takes(id: string): boolean {
    const heard = this.#waiting.get(id);
    heard?.();
    return heard !== undefined;
  }
}
