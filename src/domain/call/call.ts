import type { JsonObject } from '../json/json.ts';

/** Who calls, and the person whose calls they are. */
export interface Principal {
  /**
   * The principal's name, which is the boundary everywhere (`people/principal.ts`): the grant's name, and where its agent
   * came with an access token, also what stands for issuer and subject.
   */
  readonly grant: string;
  /** The approver's id of a person: a Slack id or a login. null where the config says `owner: none`, and where `unjoined`. */
  readonly owner: string | null;
  /** The owner may approve calls of this very grant; recorded on every use. */
  readonly selfApproval: boolean;
  /** Why it opens no gated call: its account belongs to no person. Absent: it may. */
  readonly unjoined?: string;
}

/** One `tools/call`, as policy sees it. */
export interface Call {
  readonly principal: Principal;
  readonly server: string;
  readonly tool: string;
  /** `params.arguments`; an empty object when absent. */
  readonly args: JsonObject;
  /** The MCP session, or null where the protocol has none. */
  readonly session: string | null;
  /** `params` as received; the fingerprint is made over part of it. */
  readonly params: JsonObject;
  /** The headers that say more than the body does, by lower-case name; absent: there are none. */
  readonly headers?: JsonObject;
}

const TOOL_NAME = /^[A-Za-z0-9_./-]{1,128}$/;

/** Whether a tool may have this name. Calls of any other are denied before a rule is looked at. */
export function isToolName(name: string): boolean {
  return TOOL_NAME.test(name);
}
