import type { Preview } from '../../domain/approval/facts.ts';
import type { HiddenValues, Sent } from '../../domain/call/sent.ts';
import type { Json } from '../../domain/json/json.ts';
import { type Printed, printed, printedTool } from '../../text/printed.ts';

/** An approval as the API gives it. */
export interface ListedApproval {
  readonly id: string;
  readonly state: string;
  readonly server: string;
  readonly tool: string;
  readonly grant: string;
  readonly arguments: Json;
  /** What may be absent comes from a gateway of before it was there. */
  readonly owner?: string | null;
  readonly selfApproval?: boolean;
  readonly requirement?: ListedRequirement;
  readonly rule?: string;
  readonly risk?: string | null;
  readonly severity?: string | null;
  /** What makes it look different. */
  readonly cues?: readonly string[];
  /** The policy's sentence about the call. */
  readonly summary?: string | null;
  readonly unusual?: readonly string[];
  readonly preview?: Preview | null;
  /** What policy says to people about this rule. */
  readonly reason?: string | null;
  readonly pickupUntil?: string | null;
  readonly note?: string | null;
  readonly card?: { readonly channel: string; readonly ts: string | null } | null;
  readonly sent?: Sent;
  readonly hidden?: HiddenValues;
  readonly statedReason?: string | null;
  readonly laterReasons?: readonly string[];
  readonly fingerprint: string;
  /** Counts what has changed of it; absent at gateways of an earlier release. */
  readonly revision?: number;
  readonly answersTo?: string | null;
  readonly asked?: string | null;
  readonly answers?: readonly { readonly text: string; readonly leg: string | null }[];
  readonly createdAt?: string;
  readonly expiresAt: string;
  /** An earlier approval of the same call whose outcome nobody knows: it may have run. */
  readonly previousUnknown?: string | null;
  /** What was opened with this denial; in the answer to it only. */
  readonly counter?: ListedApproval | null;
  /** It is a counter-proposal. */
  readonly counterOf?: {
    readonly approval: string;
    readonly by: string;
    readonly person: string | null;
    readonly changes: readonly {
      readonly path: string;
      readonly before: string | null;
      readonly after: string | null;
    }[];
    readonly more: number;
  } | null;
  readonly decisions: readonly {
    readonly approver: string;
    /** Absent at gateways of an earlier release. */
    readonly person?: string | null;
    readonly decision: string;
    /** What the vote allows in advance; absent from gateways of an earlier release. */
    readonly allows?: { readonly minutes: number; readonly calls: number } | null;
    /** The allowance by which it counts here. */
    readonly allowance?: string | null;
    /** The approval that the denial opened. */
    readonly counter?: string | null;
    readonly reason: string | null;
    readonly via?: string;
    /** By what it counts; absent at gateways of an earlier release. */
    readonly rights?: readonly { readonly for: string | null }[];
    readonly at?: string;
  }[];
}

/** People who may approve. */
interface ListedPeople {
  /** Names of groups. */
  readonly approvers: readonly string[];
  readonly people: readonly string[];
  readonly userGroups: readonly string[];
  readonly admin: boolean;
}

/** Who may approve, how many are needed, and who else may from some time on. */
export interface ListedRequirement extends ListedPeople {
  readonly quorum: number;
  /** What follows is absent at gateways of an earlier release. */
  readonly places?: readonly { readonly group: string; readonly people: number }[];
  readonly missing?: readonly { readonly group: string | null; readonly people: number }[];
  readonly missingOrOf?: readonly string[];
  readonly standIns?: readonly {
    readonly group: string;
    readonly for: string;
    readonly by: string;
    readonly until: string;
  }[];
  readonly denyReason?: string;
  readonly escalate?: (ListedPeople & { readonly at: string }) | null;
  /** It was asked in these hours, so of this group; null or absent: it was not. */
  readonly quiet?: {
    readonly from: string;
    readonly to: string;
    readonly zone: string;
    readonly group: string;
    readonly insteadOf: readonly string[];
  } | null;
  /** Each approval is signed there; null or absent: it need not be. */
  readonly stepUp?: { readonly origin: string | null } | null;
}

/** One approval on one line. */
export function approvalLine({ id, state, server, tool, grant, expiresAt }: ListedApproval): Printed {
  return printed`${id}  ${state.padEnd(10)}  ${server}.${printedTool(tool)}  for ${grant}  until ${expiresAt}\n`;
}
