import { freezeSubject, scopeName } from '../../domain/freeze/freeze.ts';
import { approvalEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import { unknownSendings, unsentInStore } from '../../domain/log/went-back.ts';
import type { SpentPass } from '../../domain/log/witness-entry.ts';
import type { AcceptedStore } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import type { StandingAlarm } from '../log/alarms.ts';

/** What an operator accepted, and what came of it. */
export interface StoreAcceptance extends AcceptedStore {
  readonly at: Date;
  readonly actor: string;
  readonly reason: string;
  /** The alarms that stood at this replica. */
  readonly alarms: readonly StandingAlarm[];
}

const SENT = 'sent before the database went back';
const CHANGED = 'its record was changed outside Holdfast';
const ENDED = 'it had ended before the database went back';
const TWIN = 'this very call was sent before, and the database did not know it when this was asked';

const WORDS = { sent: SENT, changed: CHANGED, twin: TWIN, ended: ENDED } as const;

/** Alarms and approvals that the event lists; of further ones it has the number. */
const MOST_LISTED = 200;

/**
 * Goes on with the store as it is, after it went back in time or was changed outside the gateway (P2): what witnesses
 * know as sent becomes unknown, or is there again; what has broken seals ends; the log and the sets count from here. All of
 * it is one transaction with its event; the other replicas learn of it within 10 s. What the log names and the database
 * lacks is put back: freezes and revocations. `dryRun`: nothing is changed, and what would be is told. Throws `Unavailable`.
 */
export async function acceptStoreAsItIs(
  gateway: Pick<Gateway, 'alarms' | 'announcer' | 'clock' | 'queue' | 'replica' | 'sets' | 'store' | 'storeWatch'>,
  { actor, reason, dryRun = false }: { readonly actor: string; readonly reason: string; readonly dryRun?: boolean },
): Promise<StoreAcceptance> {
  const { alarms, clock, replica, sets, store, storeWatch } = gateway;
  // Found now, so that the event tells all of it, and so that a store that is whole is not accepted by mistake.
  await storeWatch.compare();
  const standing = alarms.standing;
  const at = clock.now();
  const all = await storeWatch.everything();
  const known = highest(all.filter(({ returned }) => !returned));
  const rows = await store.standings(known.map(({ approval }) => approval));
  const older = [...unknownSendings(known, rows).map(({ approval }) => approval), ...storeWatch.older];
  // Also what was decided anew before anybody noticed, here or at another replica: its row was moved on.
  const lost = new Set([...older, ...unsentInStore(known, rows)]);
  const written = { at, actor, replica };
  const done = await store.accept({
    log: storeWatch.log,
    number: storeWatch.lastNumber + 1,
    at,
    sent: known.filter(({ approval }) => lost.has(approval)),
    broken: standing.filter(({ kind }) => kind === 'seal_broken').map(({ about }) => about.split(' ')[0]!),
    foreign: sets.foreignRows,
    sets: sets.heads,
    dryRun,
    frozenAgain: (freeze) => {
      const id = newId('fz', at);
      const { scope, since, by } = freeze;
      const data = {
        ...{ id, scope: scope.kind, name: scopeName(scope), reason: freeze.reason, via: 'accept' },
        ...{ before: freeze.id, since: since.toISOString(), by },
      };
      return { id, event: { ...NO_SUBJECT, ...written, ...freezeSubject(scope), type: 'freeze.set', data } };
    },
    told: (approval, to, why) => ({
      ...approvalEvent(approval, {
        ...written,
        type: to === 'unknown' ? 'call.unknown' : to === 'lapsed' ? 'approval.lapsed' : 'approval.withdrawn',
        data: { why: WORDS[why] },
      }),
      replica,
    }),
    accepted: (accepted) => ({
      ...NO_SUBJECT,
      ...written,
      type: 'store.accepted',
      data: {
        reason,
        log: storeWatch.log,
        number: accepted.acceptance.number,
        head: accepted.acceptance.head,
        found: standing.slice(0, MOST_LISTED).map(({ kind, about, why }) => ({ kind, about, why })),
        unknown: accepted.unknown.slice(0, MOST_LISTED),
        restored: accepted.restored.slice(0, MOST_LISTED),
        ended: accepted.ended.slice(0, MOST_LISTED),
        putBack: accepted.putBack.slice(0, MOST_LISTED).map((one) => ({ ...one })),
        lost: accepted.lost.slice(0, MOST_LISTED).map((one) => ({ ...one })),
        freezes: [...accepted.freezes],
        counts: {
          found: standing.length,
          unknown: accepted.unknown.length,
          restored: accepted.restored.length,
          ended: accepted.ended.length,
          putBack: accepted.putBack.length,
          lost: accepted.lost.length,
        },
      },
    }),
  });
  if (dryRun) return { ...done, at, actor, reason, alarms: standing };
  await storeWatch.accepted(done.acceptance);
  for (const id of [...done.unknown, ...done.restored, ...done.ended]) await tell(gateway, id);
  return { ...done, at, actor, reason, alarms: standing };
}

/** Waiting callers and the card; the sweep tells of what is lost here. */
async function tell(
  { announcer, queue, store }: Pick<Gateway, 'announcer' | 'queue' | 'store'>,
  id: string,
): Promise<void> {
  const approval = await store.find(id);
  if (approval !== null) announcer.announce(approval);
  await queue.publish(id, { turn: 1 }).catch(() => undefined);
}

/** The last sending of each approval. */
function highest(passes: readonly SpentPass[]): SpentPass[] {
  const last = new Map<string, SpentPass>();
  for (const pass of passes) {
    const before = last.get(pass.approval);
    if (before === undefined || before.revision < pass.revision) last.set(pass.approval, pass);
  }
  return [...last.values()];
}
