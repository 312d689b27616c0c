import type { HiddenValues, Sent } from '../../domain/call/sent.ts';
import type { Json } from '../../domain/json/json.ts';
import { asciiOnly } from '../../text/visible.ts';
import { printable } from '../remote/printable.ts';

/** An approval as the API gives it. */
export interface ListedApproval {
  readonly id: string;
  readonly state: string;
  readonly server: string;
  readonly tool: string;
  readonly grant: string;
  readonly arguments: Json;
  /** Absent from a gateway of before it was there, as are the three below. */
  readonly sent?: Sent;
  readonly hidden?: HiddenValues;
  readonly statedReason?: string | null;
  readonly laterReasons?: readonly string[];
  readonly fingerprint: string;
  readonly answersTo?: string | null;
  readonly asked?: string | null;
  readonly answers?: readonly { readonly text: string; readonly leg: string | null }[];
  readonly expiresAt: string;
  readonly decisions: readonly {
    readonly approver: string;
    readonly decision: string;
    readonly reason: string | null;
  }[];
}

/** One approval on one line. */
export function approvalLine({ id, state, server, tool, grant, expiresAt }: ListedApproval): string {
  return `${id}  ${state.padEnd(10)}  ${printable(`${server}.${asciiOnly(tool)}`)}  for ${printable(grant)}  until ${expiresAt}\n`;
}
