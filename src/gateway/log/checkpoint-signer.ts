import { type Checkpoint, checkpointText, readCheckpoint, type SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Epoch } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';
import type { Ports } from '../ports.ts';
import { Alarms } from './alarms.ts';

/**
 * Milliseconds after which a log in which nothing happens is signed again. So an old newest checkpoint always means
 * that no gateway ran, or that the end of the log was taken away (`audit verify --max-age`).
 */
const QUIET_MS = 20 * 60_000;

/**
 * Signs the chain's head, so that any change to sealed events and any truncation shows. The signature goes to every
 * witness; a truncated tail shows only through a witness that the database cannot reach.
 *
 * A head that no longer contains what this process or the last checkpoint signed is not signed: somebody has changed
 * the log. The process's own log then reports it at every attempt, and an alarm stands: nothing gated runs.
 */
export class CheckpointSigner {
  #last: { readonly seq: number; readonly hash: string } | null = null;
  #alarm = false;
  readonly #alarms: Alarms;
  /** Until this place events may be without a seal: they are from before there were any. */
  #unsealedUntil = 0;

  constructor(alarms = new Alarms()) {
    this.#alarms = alarms;
  }

  /** Events up to this place may be without a seal. */
  sealedSince({ head }: Pick<Epoch, 'head'>): void {
    this.#unsealedUntil = head;
  }

  /** True once the log was found to differ from what was signed. */
  get alarmed(): boolean {
    return this.#alarm;
  }

  /** null: nothing new to sign, another replica signed first, or the log differs from what was signed. */
  async sign(
    gateway: Pick<Ports, 'clock' | 'ledger' | 'log' | 'replica' | 'store' | 'vault' | 'witnesses'>,
  ): Promise<SignedCheckpoint | null> {
    const { ledger, vault, clock, log } = gateway;
    const head = await ledger.unsigned(new Date(clock.now().getTime() - QUIET_MS));
    if (head === null) return null;
    const newest = head.last === null ? null : readCheckpoint(head.last.text);
    for (const signed of [newest, this.#last]) {
      if (signed === null) continue;
      const [found] = await ledger.chain(signed.seq - 1, 1);
      const unchanged = found?.seq === signed.seq && found.hash === signed.hash;
      // The checkpoint must still be there too: ours, or a later one.
      if (unchanged && (newest?.seq ?? 0) >= signed.seq) continue;
      this.#alarm = true;
      const { seq, hash } = signed;
      const why = `the audit log is not what was signed up to event ${seq}`;
      this.#alarms.raise('log_changed', `event ${seq}`, why, clock.now());
      log.error({ seq, hash }, 'the audit log is not what was signed, and is not signed again; run audit verify');
      return null;
    }
    const foreign = await this.#foreignEvent(gateway, newest?.seq ?? 0, head.seq);
    if (foreign !== null) {
      this.#alarm = true;
      const why = `event ${foreign} of the chain was not written by a gateway`;
      if (this.#alarms.raise('seal_broken', `chained event ${foreign}`, why, clock.now())) {
        log.error({ seq: foreign }, `${why}; the log is not signed until an operator has looked`);
        const data = { table: 'events', row: foreign, field: 'body' };
        await gateway.store.append([{ ...NO_SUBJECT, type: 'seal.broken', at: clock.now(), actor: 'holdfast', data }]);
      }
      return null;
    }
    const text = checkpointText({
      v: 1,
      seq: head.seq,
      hash: head.hash,
      count: head.seq,
      at: clock.now().toISOString(),
      key: vault.publicKeys[0]!,
      previous: head.last === null ? null : await sha256(head.last.text),
    });
    const signed = { text, signature: vault.sign(text) };
    if (!(await ledger.saveCheckpoint(signed, await eventOf(gateway, signed)))) return null;
    this.#last = { seq: head.seq, hash: head.hash };
    await sendToWitnesses(gateway, signed);
    return signed;
  }

  /** The place of the first event after `after`, up to `until`, that no gateway sealed; null: there is none (P7). */
  async #foreignEvent({ ledger }: Pick<Ports, 'ledger'>, after: number, until: number): Promise<number | null> {
    for (let from = Math.max(after, this.#unsealedUntil); from < until; ) {
      const page = await ledger.chain(from, PAGE, { phrases: false });
      for (const { seq, ours } of page) if (seq! <= until && ours !== true) return seq;
      if (page.length === 0) return null;
      from = page.at(-1)!.seq!;
      await breathe();
    }
    return null;
  }
}

/** Events that are read at once: half a millisecond's work for each hundred. */
const PAGE = 500;

async function eventOf(
  { clock, replica }: Pick<Ports, 'clock' | 'replica'>,
  { text, signature }: SignedCheckpoint,
): Promise<NewEvent> {
  const checkpoint: Checkpoint = readCheckpoint(text)!;
  const data = { ...checkpoint, digest: await sha256(text), signature };
  return { ...NO_SUBJECT, type: 'checkpoint.signed', at: clock.now(), actor: 'holdfast', replica, data };
}

async function sendToWitnesses(
  { witnesses = [], log }: Pick<Ports, 'log' | 'witnesses'>,
  signed: SignedCheckpoint,
): Promise<void> {
  for (const witness of witnesses) {
    await witness(signed).catch((error: unknown) =>
      log.warn({ err: error }, 'a checkpoint could not be kept elsewhere'),
    );
  }
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
