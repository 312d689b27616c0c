export interface Exchange {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Lower-case names. Already stripped of what must not cross. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** For caps and ownership of stdio children. */
  readonly grant: string;
  /** Gives up the exchange until its answer is here; from then on its body is cancelled instead. */
  readonly signal?: AbortSignal;
  /**
   * What cancelling the answer's body means. `abort` (the default): the upstream connection is closed. `drain`: the
   * answer is read to its end and dropped, because to a legacy server a closed connection may look like a wish.
   */
  readonly whenAbandoned?: 'abort' | 'drain';
}

export type ExchangeAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Lower-case names, in order. */
      readonly headers: readonly (readonly [string, string])[];
      readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
    }
  /** Provably not sent: refused, DNS, TLS before any write, no child. */
  | { readonly kind: 'not_sent'; readonly why: string }
  /** Sent, perhaps; no answer. */
  | { readonly kind: 'lost'; readonly why: string };

/** An answer that came, whatever its status. */
export type UpstreamAnswer = Extract<ExchangeAnswer, { kind: 'answer' }>;

/** One MCP server behind us, over streamable HTTP or stdio: both speak the same exchanges. */
export interface Upstream {
  readonly kind: 'http' | 'stdio';
  exchange(exchange: Exchange): Promise<ExchangeAnswer>;
  close(): Promise<void>;
}
