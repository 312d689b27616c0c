import { readEvidence, readEvidenceLine } from '../../domain/log/decision-evidence.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';
import { archivedEvidence } from './archived-evidence.ts';
import { readAudit } from './read.ts';

interface AuditEvidenceOptions extends GatewayAddress {
  readonly id: string;
  /** A folder with what was archived of the log. */
  readonly segments?: string;
  /** In the place of the database, with `segments`. */
  readonly export?: string;
  readonly data?: string;
}

const INCOMPLETE =
  'The evidence is not complete: a card, the policy’s text or some of the events could not be had here. What is there is signed and ' +
  'proven. The gateway while it runs, or its database while it is stopped, may have the rest.';

/** `audit evidence`: what proves one decision, on standard output, as the gateway signed it. 1: it is not whole. */
export async function auditEvidenceCommand(options: AuditEvidenceOptions, terminal: Terminal): Promise<number> {
  const { id, segments } = options;
  if (segments === undefined && options.export !== undefined) throw new Misuse('--export goes with --segments.');
  if (segments !== undefined)
    return printEvidence(await archivedEvidence({ ...options, segments }, terminal), id, terminal);
  const gateway = await RunningGateway.at(options, terminal);
  const response = await readAudit(gateway, `/api/approvals/${encodeURIComponent(options.id)}/evidence`);
  return printEvidence(await response.text(), id, terminal);
}

function printEvidence(line: string, id: string, terminal: Terminal): number {
  terminal.evidence(line);
  if (terminal.screen) {
    terminal.err(
      printed`Shown with escapes, which cannot be verified. Write it to a file instead: holdfast audit evidence ${id} > evidence.json\n`,
    );
  }
  if (!line.endsWith('"}\n')) {
    terminal.err(printed`The evidence was cut off. Fetch it again.\n`);
    return 1;
  }
  const signed = readEvidenceLine(line);
  if (signed !== null && readEvidence(signed.text)?.complete === false) terminal.err(printed`${INCOMPLETE}\n`);
  return 0;
}
