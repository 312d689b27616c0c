import { type Checkpoint, checkpointText, readCheckpoint, type SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Ports } from '../ports.ts';

/**
 * Signs the chain's head, so that what was sealed can neither be changed nor cut off without it showing. The signature
 * goes to every witness; one that is out of the database's reach is what makes a cut-off tail visible.
 *
 * A head that no longer holds what this process, or the last checkpoint, vouched for is not signed: somebody reached
 * into the log, and the log of the process says so until it is looked at.
 */
export class CheckpointSigner {
  #last: { readonly seq: number; readonly hash: string } | null = null;
  #alarm = false;

  /** True once the log was found to be other than what was signed. */
  get alarmed(): boolean {
    return this.#alarm;
  }

  /** null: nothing new to vouch for, another replica was first, or the log is not what it was. */
  async sign(
    gateway: Pick<Ports, 'clock' | 'ledger' | 'log' | 'replica' | 'vault' | 'witnesses'>,
  ): Promise<SignedCheckpoint | null> {
    const { ledger, vault, clock, log } = gateway;
    const head = await ledger.unsigned();
    if (head === null) return null;
    const said = head.last === null ? null : readCheckpoint(head.last.text);
    for (const vouched of [said, this.#last]) {
      if (vouched === null) continue;
      const [found] = await ledger.chain(vouched.seq - 1, 1);
      const stands = found?.seq === vouched.seq && found.hash === vouched.hash;
      // The checkpoint itself must still be there as well: ours, or one that came after it.
      if (stands && (said?.seq ?? 0) >= vouched.seq) continue;
      this.#alarm = true;
      const { seq, hash } = vouched;
      log.error({ seq, hash }, 'the audit log is not what was signed, and is not signed again; run audit verify');
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
    await tell(gateway, signed);
    return signed;
  }
}

async function eventOf(
  { clock, replica }: Pick<Ports, 'clock' | 'replica'>,
  { text, signature }: SignedCheckpoint,
): Promise<NewEvent> {
  const said: Checkpoint = readCheckpoint(text)!;
  const nothing = { approval: null, server: null, tool: null, grant: null };
  const data = { ...said, digest: await sha256(text), signature };
  return { ...nothing, type: 'checkpoint.signed', at: clock.now(), actor: 'holdfast', replica, data };
}

async function tell(
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
