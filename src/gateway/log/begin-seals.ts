import { approvalEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Epoch, SealsBegun } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { newId } from '../id.ts';
import type { Ports } from '../ports.ts';
import type { Alarms } from './alarms.ts';

/** Milliseconds between two looks whether replicas of a release without seals are gone, and how long they are waited for. */
const LOOK_MS = 1_000;
const WAIT_MS = 25_000;

/**
 * Learns since when rows of this database are sealed, or begins to seal them. Null: the record of it is forged; then an
 * alarm stands, and no event without a seal is believed. Rejects while another replica of a release without seals runs.
 */
export async function beginSeals(
  gateway: Pick<Ports, 'clock' | 'log' | 'replica' | 'store'> & { readonly alarms: Alarms },
): Promise<Epoch | null> {
  const { alarms, clock, log } = gateway;
  for (let waited = 0; ; waited += LOOK_MS) {
    const begun = await begin(gateway);
    if (begun.kind === 'forged') {
      const why = 'the record of when seals began is missing, or was changed outside the gateway';
      if (alarms.raise('seal_broken', 'epoch', why, clock.now())) log.error({}, why);
      return null;
    }
    if (begun.kind === 'begun' && begun.epoch.head > 0) {
      const { head } = begun.epoch;
      log.warn({ head, asked: begun.asked }, 'rows are sealed from now on; questions that were open are asked anew');
    }
    if (begun.kind !== 'busy') return begun.epoch;
    if (waited >= WAIT_MS) {
      throw new Error(
        'This release seals what it writes, and replicas of a release that does not still run on this database. ' +
          'Stop all of them, wait 15 s, and start this one again: docs/operations.md, "Upgrading".',
      );
    }
    if (waited === 0) log.warn({}, 'waiting for replicas of a release without seals to stop');
    await pause(LOOK_MS);
  }
}

function begin({ clock, replica, store }: Pick<Ports, 'clock' | 'replica' | 'store'>): Promise<SealsBegun> {
  const at = clock.now();
  const log = newId('log', at);
  const written = { at, actor: 'holdfast', replica };
  return store.beginSeals({
    log,
    at,
    replica,
    ended: (approval, to) => ({
      ...approvalEvent(approval, {
        ...written,
        type: to === 'lapsed' ? 'approval.lapsed' : 'approval.withdrawn',
        data: { note: 'opened before records were sealed; asked anew' },
      }),
      replica,
    }),
    began: (head) => ({ ...NO_SUBJECT, ...written, type: 'seals.began', data: { log, head } }),
  });
}
