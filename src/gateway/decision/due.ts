import { type Approval, isOver } from '../../domain/approval/approval.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Change } from '../../ports.ts';
import { commitUntil } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';
import type { Rules } from '../rules.ts';
import { endedOnce } from '../state/ending-now.ts';

/** What ends an approval touches. */
type DueGateway = Pick<Gateway, 'announcer' | 'clock' | 'leases' | 'rules' | 'store'>;

/**
 * Ends an approval whose deadline has passed. Called by the parked job, by the sweep, and by whoever reads an overdue
 * approval; only the deadline matters, not who calls. Returns the approval as it is then; null: it is gone. Whoever has just
 * read it hands it over, and it is read again only where it has changed. Those that are ended at the same time share
 * statements, messages and reads (decision 0071).
 *
 * | state | deadline | becomes |
 * |---|---|---|
 * | pending | `expiresAt` | expired |
 * | approved | `pickupUntil` | lapsed |
 * | dispatched | `leaseUntil` | unknown: its dispatcher died, or cannot reach the store; never where it is this process |
 * | dispatched, awaits input | `leaseUntil` | unknown: the server asked for something, and nobody answered |
 */
export function due(gateway: DueGateway, overdue: string | Approval): Promise<Approval | null> {
  const [id, known] = typeof overdue === 'string' ? [overdue, null] : [overdue.id, overdue];
  return endedOnce(gateway.store, id, () => end(gateway, id, known));
}

async function end(gateway: DueGateway, id: string, found: Approval | null): Promise<Approval | null> {
  // A process that stood still wakes to leases that ran out meanwhile. What it is sending itself is not lost. One renewal
  // extends them all, so the first of many late ones spares the others theirs.
  if (gateway.leases.needsRenewal(id)) await gateway.leases.renewNow();
  // A lease is renewed without another revision, so how it stands is read when it is judged.
  const known = found?.state === 'dispatched' ? null : found;
  const made = await commitUntil(
    {
      read: () => gateway.store.find(id, 'together'),
      judge: (approval) => overdueChange(approval, gateway.clock.now(), gateway.rules),
      commit: (change) => gateway.store.commit(change),
    },
    known,
  );
  if (made.kind === 'gone') return null;
  if (made.kind !== 'committed') return made.known;
  // Every replica's callers know when a question expires, and its job is due in the same moment.
  gateway.announcer.announce(made.approval, made.approval.state === 'expired');
  return made.approval;
}

const SILENT = 'the gateway that sent it stopped before the answer came';
const UNANSWERED = 'the server asked for something before it would go on, and was not answered in time';

/** Whether this approval's deadline has passed. */
export function isLate(approval: Approval, now: Date): boolean {
  return deadlineOf(approval) !== null && now >= deadlineOf(approval)!;
}

/** The instant at which this approval ends by itself; null: it has no deadline. */
export function deadlineOf(approval: Approval): Date | null {
  if (approval.state === 'pending') return approval.expiresAt;
  if (approval.state === 'approved') return approval.pickupUntil;
  return approval.state === 'dispatched' ? approval.leaseUntil : null;
}

function overdueChange(approval: Approval, now: Date, rules: Rules): Change | null {
  if (isOver(approval.state) || !isLate(approval, now)) return null;
  const base = { id: approval.id, revision: approval.revision };
  const resultUntil = new Date(now.getTime() + rules.approval.pickupMs);
  const waitedMs = now.getTime() - approval.createdAt.getTime();
  const ending = (type: 'approval.expired' | 'approval.lapsed' | 'call.unknown', note: string) => ({
    patch: { note, resultUntil },
    events: [
      approvalEvent(approval, {
        type,
        at: now,
        actor: 'holdfast',
        data: { note, waitedMs, fingerprint: approval.fingerprint },
      }),
    ],
  });
  switch (approval.state) {
    case 'pending':
      return { ...base, from: 'pending', to: 'expired', ...ending('approval.expired', 'nobody decided in time') };
    case 'approved':
      return { ...base, from: 'approved', to: 'lapsed', ...ending('approval.lapsed', 'nobody collected it in time') };
    case 'dispatched':
      return {
        ...base,
        from: 'dispatched',
        to: 'unknown',
        ...ending('call.unknown', approval.awaits === 'input' ? UNANSWERED : SILENT),
      };
    default:
      return null;
  }
}
