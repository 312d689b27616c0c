import type { Call } from '../../domain/call/call.ts';
import type { Gateway } from '../gateway.ts';

/** Notes that a gated call is refused before anybody is asked, because its approval could never be used. */
export function refuseCall(
  { clock, journal }: Pick<Gateway, 'clock' | 'journal'>,
  { server, tool, principal, session }: Call,
  reason: string,
): void {
  const { grant } = principal;
  const data = { reason, session };
  journal.note({
    type: 'call.refused',
    at: clock.now(),
    actor: `grant:${grant}`,
    approval: null,
    server,
    tool,
    grant,
    data,
  });
}
