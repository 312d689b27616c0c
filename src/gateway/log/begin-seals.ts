import { approvalEvent, type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Epoch, SealsBegun } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { newId } from '../id.ts';
import type { Ports } from '../ports.ts';
import type { Alarms } from './alarms.ts';
import type { StoreWatch } from './store-watch.ts';

/** Milliseconds between two looks whether replicas of a release without seals are gone, and how long they are waited for. */
const LOOK_MS = 1_000;
const WAIT_MS = 25_000;

/**
 * Learns since when rows of this database are sealed, or begins to seal them. Null: the record of it is forged; then an
 * alarm stands, and no event without a seal is believed. Rejects while another replica of a release without seals runs.
 */
export async function beginSeals(
  gateway: BeginParts & { readonly alarms: Alarms; readonly log: Ports['log'] },
): Promise<Epoch | null> {
  const { alarms, clock, log } = gateway;
  for (let waited = 0; ; waited += LOOK_MS) {
    const begun = await begin(gateway);
    if (begun.kind === 'forged' || begun.kind === 'unlisted') {
      const why = EPOCH_WORDS[begun.kind];
      if (alarms.raise('seal_broken', 'epoch', why, clock.now())) log.error({}, why);
      return null;
    }
    if (begun.kind === 'known' && gateway.secretLost === true) {
      log.warn({}, 'HOLDFAST_SECRET_LOST is set although no secret is missing; take it out');
    }
    if (begun.kind === 'begun' && begun.epoch.head > 0) {
      const { head } = begun.epoch;
      log.warn({ head, asked: begun.asked }, 'rows are sealed from now on; questions that were open are asked anew');
    }
    if (begun.kind !== 'busy') return begun.epoch;
    if (waited >= WAIT_MS) {
      const lost =
        'HOLDFAST_SECRET_LOST is set, and other replicas still run on this database. Stop all of them, wait 15 s.';
      if (gateway.secretLost === true) throw new Error(lost);
      throw new Error(
        'This release seals what it writes, and replicas of a release that does not still run on this database. ' +
          'Stop all of them, wait 15 s, and start this one again: docs/operations.md, "Upgrading".',
      );
    }
    if (waited === 0) log.warn({}, 'waiting for replicas of a release without seals to stop');
    await pause(LOOK_MS);
  }
}

type BeginParts = Pick<Ports, 'clock' | 'replica' | 'secretLost' | 'store' | 'vault'> & {
  readonly storeWatch: Pick<StoreWatch, 'logsKnown'>;
};

const EPOCH_WORDS = {
  forged: 'the record of when seals began is missing, names another log, or was changed outside the gateway',
  unlisted:
    'the record of when seals began was sealed by a secret that HOLDFAST_SECRET does not list; list it too, ' +
    'or see "Secret rotation" in docs/operations.md if it is lost',
} as const;

const ENDED = { lapsed: 'approval.lapsed', withdrawn: 'approval.withdrawn', unknown: 'call.unknown' } as const;
const ENDED_WORDS = {
  lapsed: 'opened before records were sealed; asked anew',
  withdrawn: 'opened before records were sealed; asked anew',
  unknown: 'sent before records were sealed; nobody can say how it ended',
} as const;

function begin({ clock, replica, secretLost, store, storeWatch, vault }: BeginParts): Promise<SealsBegun> {
  const at = clock.now();
  const log = newId('log', at);
  const written = { at, actor: 'holdfast', replica };
  const key = vault.publicKeys[0]!;
  const lostEvent = (log: string, head: number, from: string | null, retired: readonly string[]): NewEvent => {
    const data = { log, head, from, to: key, signature: null, retired: [...retired], why: 'the secret is lost' };
    return { ...NO_SUBJECT, ...written, type: 'key.changed', data };
  };
  return store.beginSeals({
    log,
    at,
    replica,
    known: () => storeWatch.logsKnown(),
    ended: (approval, to) => ({
      ...approvalEvent(approval, { ...written, type: ENDED[to], data: { note: ENDED_WORDS[to] } }),
      replica,
    }),
    began: (head) => ({ ...NO_SUBJECT, ...written, type: 'seals.began', data: { log, head, key } }),
    lost: secretLost === true ? (log, head, from, retired) => lostEvent(log, head, from, retired) : null,
  });
}
