import type { ExchangeAnswer } from '../../ports.ts';

/** How a POST is sent on to its server. */
export interface Forward {
  /** Replace the body as it came; absent: it is sent unchanged. */
  readonly bytes?: Uint8Array;
  /** Replace the headers for the server; absent: they are sent unchanged. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The server's answer may open a session. */
  readonly mayOpenSession: boolean;
  /** The server's answer may list tools, resources or prompts. */
  readonly mayList: boolean;
  /** Called with the server's answer, and awaited, before the agent gets it. */
  readonly onAnswer?: (answer: ExchangeAnswer) => Promise<void>;
  /** Listens to the server's answer: what is returned takes its place, with the same bytes. */
  readonly hear?: (answer: ExchangeAnswer) => Promise<ExchangeAnswer>;
}

/** The request and its answer are forwarded unchanged. */
export const FORWARD_UNCHANGED: Forward = { mayOpenSession: false, mayList: false };
