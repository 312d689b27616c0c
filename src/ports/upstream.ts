export interface Exchange {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Lower-case names. What must not be forwarded is already removed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** For the cap on stdio children, and for their ownership. */
  readonly grant: string;
  /** Gives up the exchange, but only until its answer has begun: then cancel the answer's body instead. */
  readonly signal?: AbortSignal;
  /**
   * What cancelling the answer's body does. `abort` (the default): the upstream connection is closed. `drain`: the
   * answer is read to its end and dropped, because a legacy server may take a closed connection for a request to
   * cancel.
   */
  readonly whenAbandoned?: 'abort' | 'drain';
  /** What the server asks before it answers is sent on the answer's stream, where the upstream can choose. */
  readonly carriesRequests?: boolean;
  /** Ends the exchange at any time, while its answer streams or is drained too; over HTTP by closing the connection. */
  readonly until?: Ending;
}

/** Something that may end before what hangs on it. */
export interface Ending {
  /** Calls the listener once when it ends; returns a function that takes the listener away. */
  onEnd(listener: () => void): () => void;
}

export type ExchangeAnswer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Lower-case names, in the server's order. */
      readonly headers: readonly (readonly [string, string])[];
      readonly body: ReadableStream<Uint8Array> | Uint8Array | null;
      /** The gateway itself answers in the server's place, and nothing reached the server: why, for people. */
      readonly refusedHere?: string;
    }
  /** Provably not sent: connection refused, DNS, TLS before any write, no child process. */
  | { readonly kind: 'not_sent'; readonly why: string }
  /** Perhaps sent, and no answer came. */
  | { readonly kind: 'lost'; readonly why: string };

/** An answer that came, whatever its status. */
export type UpstreamAnswer = Extract<ExchangeAnswer, { kind: 'answer' }>;

/** One MCP server behind us, over streamable HTTP or stdio: both speak the same exchanges. */
export interface Upstream {
  readonly kind: 'http' | 'stdio';
  /** HTTP statuses by which this server, or a proxy before it, says that it has not run the request (`not_run`). */
  readonly notRun?: ReadonlySet<number>;
  exchange(exchange: Exchange): Promise<ExchangeAnswer>;
  /** Ends at once what it keeps for grants that are not to be kept: children. Absent: it keeps nothing for them. */
  keepGrants?(keeps: (grant: string) => boolean): void;
  close(): Promise<void>;
}
