import type { CardRecord } from '../ports.ts';
import type { Gateway } from './gateway.ts';
import { newId } from './id.ts';

/** Milliseconds for which a run has its card. It is renewed for as long as the run takes. */
export const CLAIM_MS = 20_000;
/** Milliseconds between two renewals. */
const RENEW_MS = 5_000;

/** What a run tells of itself as it goes. */
export interface CardRun {
  /** What was known of the card; null: this run is the first, so nothing can have been posted. */
  readonly card: CardRecord | null;
  /** The approval's revision once the card was taken; null: it is gone. */
  readonly revision: number | null;
  /** By which the store knows this run. */
  readonly id: string;
  /** Slack said no to the first post: the next run is the first again. */
  unposted(): void;
  /** What was saved last has let go of the card. */
  released(): void;
}

/**
 * Does something with an approval's card while no other run does. Returns null where another run has the card.
 *
 * | what was lost | how long the card stays taken |
 * |---|---|
 * | the store's answer to the claim: it may have been taken for this run, which ends here | until the store takes a write again, which is tried every second |
 * | the same, and the statement was carried out only after that write | 20 s, because nobody renews it |
 * | the write that lets go of it | until the store takes it, which is tried every second |
 * | a renewal | no longer than 20 s more; the next one is 5 s away |
 * | the process | until its replica has been silent for 10 s, or for 20 s |
 * | the store, for longer than 20 s of a run | another run may take it, which looks for the message first |
 */
export async function runWithCard<T>(
  { store, clock, replica, retries }: Pick<Gateway, 'clock' | 'replica' | 'retries' | 'store'>,
  approval: string,
  work: (run: CardRun) => Promise<T>,
): Promise<T | null> {
  const id = newId('ru', clock.now());
  let unposted = false;
  let held = true;
  const release = (): Promise<void> => store.releaseCard(approval, id, unposted);
  const claim = await store.claimCard(approval, { id, replica, ms: CLAIM_MS }).catch((error: unknown) => {
    // It may have been taken all the same, for a run that will never be.
    retries.add(release);
    throw error;
  });
  if (claim === false) return null;
  const renewing = setInterval(() => {
    store.renewCard(approval, id, CLAIM_MS).catch(() => undefined);
  }, RENEW_MS);
  try {
    return await work({
      id,
      card: claim.card,
      revision: claim.revision,
      released: () => {
        held = false;
      },
      unposted: () => {
        unposted = claim.card === null;
      },
    });
  } finally {
    clearInterval(renewing);
    // No other run may update the card until it is released, or until this run's claim expires.
    if (held) await retries.run(release);
  }
}
