import type { JsonObject } from '../domain/json/json.ts';

/** A tool that is called for what it says, in a session of the gateway's own. */
export interface ToolReading {
  readonly server: string;
  readonly tool: string;
  readonly args: JsonObject;
  /** Whose call the preview is for: a server that is a command has its processes by grant. */
  readonly grant: string;
  /** Bytes of the answer beyond which nothing is read. */
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

/** What it said, as text; or why there is nothing, in our own words, without a full stop. */
export type ToolRead =
  | { readonly kind: 'said'; readonly text: string; readonly failed: boolean }
  | { readonly kind: 'silent'; readonly why: string };

/** Calls a tool once. Never rejects; ends when the signal aborts. Nothing of the answer reaches an agent. */
export type ReadTool = (reading: ToolReading) => Promise<ToolRead>;
