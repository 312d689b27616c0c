import { printable } from '../remote/printable.ts';

/** An approval as the API gives it. */
export interface ListedApproval {
  readonly id: string;
  readonly state: string;
  readonly server: string;
  readonly tool: string;
  readonly grant: string;
  readonly arguments: unknown;
  readonly fingerprint: string;
  readonly expiresAt: string;
  readonly decisions: readonly {
    readonly approver: string;
    readonly decision: string;
    readonly reason: string | null;
  }[];
}

/** One approval on one line. */
export function approvalLine({ id, state, server, tool, grant, expiresAt }: ListedApproval): string {
  return `${id}  ${state.padEnd(10)}  ${printable(`${server}.${tool}`)}  for ${printable(grant)}  until ${expiresAt}\n`;
}
