import type { Terminal } from '../../main/process/terminal.ts';
import { ownLines, printed, printedJson } from '../../text/printed.ts';
import { askApi, refusedBy } from '../approvals/reply.ts';
import { instantIn } from '../remote/instant.ts';
import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';

interface PolicySuggestOptions extends GatewayAddress {
  readonly since: string;
  readonly server?: string;
  readonly json: boolean;
}

/** `policy suggest`: prints the policy, and what to know of it to the side. */
export async function policySuggestCommand(options: PolicySuggestOptions, terminal: Terminal): Promise<number> {
  const since = instantIn('since', options.since, Date.now());
  const gateway = await RunningGateway.at(options, terminal);
  const reply = await askApi(gateway, '/api/policy/suggest', { since, server: options.server ?? null });
  if (!reply.ok) return refusedBy(reply, terminal);
  const { policy, cutShort, doubted, sampled, from } = reply.body;
  if (typeof policy !== 'string') return refusedBy({ ...reply, body: NO_SUGGESTION }, terminal);
  terminal.out(options.json ? printed`${printedJson(reply.body)}\n` : ownLines(policy));
  if (sampled === false) {
    terminal.err(
      printed`note: audit.samples is off, so no arguments of allowed calls are known; only tools and rates are bounded\n`,
    );
  }
  if (cutShort === true) terminal.err(printed`note: only the newest events were read, from ${String(from)} on\n`);
  if (typeof doubted === 'number' && doubted > 0) {
    terminal.err(printed`note: ${doubted} events or samples are not as a gateway wrote them, and were left out\n`);
  }
  return 0;
}

const NO_SUGGESTION = { reason: 'The answer is no policy. Is --url right?' };
