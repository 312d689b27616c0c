import type { Terminal } from '../../main/process/terminal.ts';
import { joined, type Printed, printed, printedJson } from '../../text/printed.ts';
import { type ApiReply, askApi, refusedBy } from '../approvals/reply.ts';
import { Misuse } from '../parse/misuse.ts';

import { type GatewayAddress, RunningGateway } from '../remote/running-gateway.ts';

interface FreezeOptions extends GatewayAddress {
  readonly server?: string;
  readonly grant?: string;
  readonly reason: string;
  readonly json: boolean;
}

/** A freeze as the API returns it. */
interface ListedFreeze {
  readonly id: string;
  readonly scope: 'all' | { readonly server: string } | { readonly grant: string };
  readonly reason: string;
  readonly by: string;
  readonly since: string;
}

/** `freeze`: stops everything, one server or one grant. 1 when it is frozen already, or the API refuses. */
export async function freezeCommand(options: FreezeOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const { reason, json } = options;
  const reply = await askApi(gateway, '/api/freeze', { scope: scopeOf(options), reason });
  if (reply.status === 409 && typeof reply.body.id === 'string') {
    terminal.err(printed`Frozen already: ${freezeText(freezeIn(reply))}\n`);
    return 1;
  }
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(json ? printed`${printedJson(reply.body)}\n` : printed`Frozen: ${freezeText(freezeIn(reply))}\n`);
  return 0;
}

/** `thaw`: lifts the freeze of exactly this scope. 1 when there is none, or the API refuses. */
export async function thawCommand(options: FreezeOptions, terminal: Terminal): Promise<number> {
  const gateway = await RunningGateway.at(options, terminal);
  const { reason, json } = options;
  const scope = JSON.stringify(scopeOf(options));
  const listed = await askApi(gateway, '/api/freeze');
  if (!listed.ok) return refusedBy(listed, terminal);
  const freezes = listed.body.items as readonly ListedFreeze[];
  const found = freezes.find((freeze) => JSON.stringify(freeze.scope) === scope);
  if (found === undefined) {
    const others = joined(
      freezes.map((freeze) => printed`  ${freezeText(freeze)}\n`),
      '',
    );
    const rest = freezes.length === 0 ? printed`Nothing is frozen.\n` : printed`In force:\n${others}`;
    terminal.err(printed`There is no such freeze. ${rest}`);
    return 1;
  }
  const reply = await askApi(gateway, `/api/freeze/${encodeURIComponent(found.id)}`, { reason }, 'DELETE');
  if (!reply.ok) return refusedBy(reply, terminal);
  terminal.out(json ? printed`${printedJson(reply.body)}\n` : printed`Thawed: ${freezeText(found)}\n`);
  return 0;
}

function scopeOf({ server, grant }: FreezeOptions): ListedFreeze['scope'] {
  if (server !== undefined && grant !== undefined) throw new Misuse('Give --server or --grant, not both.');
  if (server !== undefined) return { server };
  return grant === undefined ? 'all' : { grant };
}

function freezeIn({ body }: ApiReply): ListedFreeze {
  return body as unknown as ListedFreeze;
}

/** One line for the terminal. */
function freezeText({ scope, by, since, reason }: ListedFreeze): Printed {
  const what =
    scope === 'all' ? 'everything' : 'server' in scope ? `the server ${scope.server}` : `the grant ${scope.grant}`;
  return printed`${what}, by ${by} since ${since}: ${reason}`;
}
