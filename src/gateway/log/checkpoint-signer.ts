import { type Checkpoint, checkpointText, readCheckpoint, type SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import { type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import { keyChangeText, type Succession, successionOf } from '../../domain/log/key-change.ts';
import type { Acceptance, Epoch } from '../../ports.ts';
import type { Ports } from '../ports.ts';
import { AlarmEvents } from './alarm-events.ts';
import { Alarms } from './alarms.ts';
import { readStretch } from './read-stretch.ts';
import { FOREIGN_WORDS } from './seal-watch.ts';

/**
 * Milliseconds after which a log in which nothing happens is signed again. So an old newest checkpoint always means
 * that no gateway ran, or that the end of the log was taken away (`audit verify --max-age`).
 */
const QUIET_MS = 20 * 60_000;

/**
 * Signs the chain's head, so that any change to sealed events and any truncation shows. The signature goes to every
 * witness; a truncated tail shows only through a witness that the database cannot reach.
 *
 * The key that signs is the one that the log itself says is in force, if this process lists its secret: so replicas of one
 * rotation all sign with the newer key once it came into force, and one that has only the older secret signs no more.
 *
 * A head that no longer contains what this process or the last checkpoint signed is not signed: somebody has changed
 * the log. The process's own log then reports it at every attempt, and an alarm stands: nothing gated runs.
 */
export class CheckpointSigner {
  #last: { readonly seq: number; readonly hash: string } | null = null;
  #alarm = false;
  readonly #alarms: Alarms;
  readonly #events: AlarmEvents | null;
  /** Until this place events may be without a seal: they are from before there were any. */
  #unsealedUntil = 0;
  /** The log's id; null: it is not known, and nothing is signed. */
  #logId: string | null = null;
  /** What was last said of why nothing is signed here; said once. */
  #said = '';

  constructor(alarms = new Alarms(), events: AlarmEvents | null = null) {
    this.#alarms = alarms;
    this.#events = events;
  }

  /** Which log this is. Events up to this place may be without a seal. */
  sealedSince({ head, log }: Epoch): void {
    this.#logId = log;
    this.#unsealedUntil = Math.max(this.#unsealedUntil, head);
  }

  /** An operator accepted the log as it is: events up to its end then are signed, whoever wrote them. */
  accepted({ head, log }: Pick<Acceptance, 'head' | 'log'>): void {
    this.#logId ??= log;
    this.#unsealedUntil = Math.max(this.#unsealedUntil, head);
    this.#last = null;
    this.#alarm = false;
  }

  /** True once the log was found to differ from what was signed. */
  get alarmed(): boolean {
    return this.#alarm;
  }

  /**
   * Where the newest secret's key has never been in force and a listed one is, writes that it comes into force now, signed
   * by that one. Called when the process starts, and again before each checkpoint.
   */
  async changeKey({ clock, ledger, log, replica, vault }: Pick<SignerPorts, ChangePorts>): Promise<void> {
    if (this.#logId === null) return;
    const to = vault.publicKeys[0]!;
    const { inForce: from, ended } = successionOf(await ledger.keyEvents((await ledger.ends()).head));
    if (from === null || from === to || ended.has(to) || !vault.publicKeys.includes(from)) return;
    const change = { log: this.#logId, from, to };
    const signature = vault.sign(keyChangeText(change), from);
    const written = await ledger.changeKey(to, (retired) => {
      const data = { ...change, signature, retired: [...retired] };
      return { ...NO_SUBJECT, type: 'key.changed', at: clock.now(), actor: 'holdfast', replica, data };
    });
    if (written) log.info({ from, to }, 'the audit log is signed with the key of the newest secret from now on');
  }

  /** null: nothing new to sign, another replica signed first, this one may not, or the log is not what was signed. */
  async sign(gateway: SignerPorts): Promise<SignedCheckpoint | null> {
    const { ledger, vault, clock, log } = gateway;
    const logId = this.#logId;
    if (logId === null) return this.#silent(log, 'the log is not signed: it is not known which one it is');
    await this.changeKey(gateway);
    const head = await ledger.unsigned(new Date(clock.now().getTime() - QUIET_MS));
    if (head === null) return null;
    const newest = head.last === null ? null : readCheckpoint(head.last.text);
    if (head.last !== null && !this.#isGenuine(vault, head.last, newest)) {
      this.#alarm = true;
      const why = `the newest checkpoint in the database${newest === null ? '' : `, of event ${newest.seq},`} is not one that a gateway signed`;
      const isNew = this.#alarms.raise(
        'log_changed',
        `checkpoint ${newest?.seq ?? 'without a text'}`,
        why,
        clock.now(),
      );
      if (isNew) log.error({}, `${why}; the log is not signed while that row is in holdfast.checkpoints`);
      return null;
    }
    for (const signed of [newest, this.#last]) {
      if (signed === null) continue;
      const [found] = await ledger.chain(signed.seq - 1, 1);
      const unchanged = found?.seq === signed.seq && found.hash === signed.hash;
      // The checkpoint must still be there too: ours, or a later one.
      if (unchanged && (newest?.seq ?? 0) >= signed.seq) continue;
      // Another replica signed on since, and what this one signed last has left the database by a cut.
      if (signed !== newest && (await ledger.cuts()).some(({ covered, to }) => covered && to >= signed.seq)) continue;
      this.#alarm = true;
      const { seq, hash } = signed;
      const why = `the audit log is not what was signed up to event ${seq}`;
      this.#alarms.raise('log_changed', `event ${seq}`, why, clock.now());
      log.error({ seq, hash }, 'the audit log is not what was signed, and is not signed again; run audit verify');
      return null;
    }
    // The event of the newest checkpoint is not in the chain yet.
    if (newest !== null && newest.seq >= head.seq) return null;
    const read = await readStretch(gateway, newest, head.seq, this.#unsealedUntil);
    if (read === null) return null;
    if (read.kind === 'foreign' && read.retired) {
      return this.#silent(
        log,
        `event ${read.seq} of the log was sealed by a secret that HOLDFAST_SECRET no longer lists; the log is not signed until a gateway that lists it has signed up to there`,
      );
    }
    if (read.kind === 'foreign') {
      this.#alarm = true;
      const { seq, field } = read;
      const why = `event ${seq} of the chain ${FOREIGN_WORDS[field]}`;
      if (this.#alarms.raise('seal_broken', `chained event ${seq}`, why, clock.now())) {
        log.error({ seq }, `${why}; the log is not signed until an operator has looked`);
        const data = { table: 'events', row: seq, field };
        const events = this.#events ?? new AlarmEvents(gateway);
        events.tell({ ...NO_SUBJECT, type: 'seal.broken', at: clock.now(), actor: 'holdfast', data });
        await events.flush();
      }
      return null;
    }
    if (read.kind === 'misfit') {
      this.#alarm = true;
      const why = `event ${read.seq} of the chain does not follow from the one before it`;
      if (this.#alarms.raise('log_changed', `event ${read.seq}`, why, clock.now())) {
        log.error({ seq: read.seq }, `${why}; the log is not signed; run audit verify`);
      }
      return null;
    }
    const key = await this.#keyAt(gateway, head.seq, newest);
    if (key === null) return null;
    const text = checkpointText({
      v: 3,
      log: logId,
      since: newest?.seq ?? 0,
      root: read.root,
      seq: head.seq,
      hash: head.hash,
      count: head.seq,
      at: clock.now().toISOString(),
      key,
      previous: head.last === null ? null : await sha256(head.last.text),
    });
    const signed = { text, signature: vault.sign(text, key) };
    if (!(await ledger.saveCheckpoint(signed, await eventOf(gateway, signed)))) return null;
    this.#last = { seq: head.seq, hash: head.hash };
    this.#said = '';
    await sendCopies(gateway, signed);
    return signed;
  }

  /** The key that the log says is in force at this place; null: it is not one of ours, or not the one that signed last. */
  async #keyAt(
    { clock, ledger, log, vault }: Pick<SignerPorts, 'clock' | 'ledger' | 'log' | 'vault'>,
    seq: number,
    newest: Checkpoint | null,
  ): Promise<string | null> {
    const events = await ledger.keyEvents(seq);
    const order = successionOf(events);
    if (newest !== null && newest.v !== 1) {
      const then = inForceAt(successionOf(await ledger.keyEvents(newest.seq)), newest);
      if (newest.log !== this.#logId || then !== newest.key) {
        this.#alarm = true;
        const why = `the newest checkpoint, of event ${newest.seq}, is of another log, or was signed with another key than the log names`;
        if (this.#alarms.raise('log_changed', `checkpoint ${newest.seq}`, why, clock.now())) log.error({}, why);
        return null;
      }
    }
    const key = inForceAt(order, newest) ?? vault.publicKeys[0]!;
    if (vault.publicKeys.includes(key)) return key;
    return this.#silent(
      log,
      'the audit log is signed with the key of a secret that HOLDFAST_SECRET does not list; this process signs nothing',
    );
  }

  /**
   * Whether it has the signature of the key that it names. One from before keys were named is believed only up to where
   * seals began, or where an operator accepted the log as it is.
   */
  #isGenuine(vault: SignerPorts['vault'], { text, signature }: SignedCheckpoint, read: Checkpoint | null): boolean {
    if (read === null) return false;
    if (read.v !== 1) return vault.verifies(read.key, text, signature);
    return read.seq <= this.#unsealedUntil;
  }

  /** Says once why nothing is signed. */
  #silent(log: Ports['log'], why: string): null {
    if (this.#said !== why) log.error({}, why);
    this.#said = why;
    return null;
  }
}

type SignerPorts = Pick<Ports, 'clock' | 'ledger' | 'log' | 'replica' | 'store' | 'vault' | 'checkpointCopies'>;
type ChangePorts = 'clock' | 'ledger' | 'log' | 'replica' | 'vault';

/** Logs from before keys were recorded say nothing of the first one; there the checkpoints do. */
function inForceAt({ inForce }: Succession, newest: Checkpoint | null): string | null {
  return inForce ?? (newest !== null && newest.v !== 1 ? newest.key : null);
}

async function eventOf(
  { clock, replica }: Pick<Ports, 'clock' | 'replica'>,
  { text, signature }: SignedCheckpoint,
): Promise<NewEvent> {
  const checkpoint: Checkpoint = readCheckpoint(text)!;
  const data = { ...checkpoint, digest: await sha256(text), signature };
  return { ...NO_SUBJECT, type: 'checkpoint.signed', at: clock.now(), actor: 'holdfast', replica, data };
}

async function sendCopies(
  { checkpointCopies = [], log }: Pick<Ports, 'log' | 'checkpointCopies'>,
  signed: SignedCheckpoint,
): Promise<void> {
  for (const witness of checkpointCopies) {
    await witness(signed).catch((error: unknown) =>
      log.warn({ err: error }, 'a checkpoint could not be kept elsewhere'),
    );
  }
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
