import { type Kysely, sql } from 'kysely';
import type { AskedBefore } from '../../domain/approval/cue.ts';
import { SharedLooks } from '../../time/shared-looks.ts';
import type { Tables } from '../table/tables.ts';

/** Facts that are remembered, of each kind. */
const MOST_KNOWN = 10_000;
/**
 * Milliseconds for which it is believed that a tool was not used yet, but for what this process sends: in a flood of first
 * questions hardly any call looks. Another replica's first sending may be overlooked that long: then a card says more, not less.
 */
const UNSENT_MS = 100;

/**
 * Whether a principal's calls of a tool were sent before, and whether it asked for anything since. Two looks into indexes
 * of 0070, whose conditions are these words. What an agent asks and takes back itself counts for neither, so that it cannot
 * use up what makes its next question look different. What is so stays so, and is asked once by each process: an opening
 * costs no statement more, but for what is new. Of that, whoever asks the same at the same time shares a look.
 */
export class AskedBefores {
  readonly #db: Kysely<Tables>;
  readonly #sent = new Set<string>();
  readonly #asked = new Set<string>();
  /** Uses that were not sent when somebody looked, and until when that is believed. */
  readonly #unsent = new Map<string, number>();
  /** Uses that are being looked up, and that this process has not sent since the look began. */
  readonly #looking = new Set<string>();
  readonly #looks = new SharedLooks<AskedBefore>();

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async find(by: AskedBy, since: Date): Promise<AskedBefore> {
    const [use, day] = [useOf(by), JSON.stringify([by.grant, since.getTime()])];
    const remembered = (): AskedBefore | null => this.#remembered(use, day);
    // Whoever shares the next look may find that the one before has told it.
    const look = async () => remembered() ?? (await this.#lookAnew(by, since, use, day));
    return remembered() ?? (await this.#looks.at(`${use} ${day}`, look));
  }

  /** This process sends such a call. It may be given back: so whether it was sent is looked up, and what was so before is not believed. */
  sent(by: AskedBy): void {
    this.#unsent.delete(useOf(by));
    this.#looking.delete(useOf(by));
  }

  #remembered(use: string, day: string): AskedBefore | null {
    if (!this.#asked.has(day)) return null;
    if (this.#sent.has(use)) return { sent: true, today: true };
    return (this.#unsent.get(use) ?? 0) > performance.now() ? { sent: false, today: true } : null;
  }

  async #lookAnew(by: AskedBy, since: Date, use: string, day: string): Promise<AskedBefore> {
    const began = performance.now();
    this.#looking.add(use);
    try {
      const found = await this.#look(by, since);
      if (found.today) keep(this.#asked, day);
      if (found.sent) keep(this.#sent, use);
      else if (this.#looking.has(use)) {
        if (this.#unsent.size >= MOST_KNOWN) this.#unsent.clear();
        this.#unsent.set(use, began + UNSENT_MS);
      }
      return found;
    } finally {
      this.#looking.delete(use);
    }
  }

  /** Planned each time: in an empty table the index of all that was asked looks as good as that of what was sent. */
  async #look({ grant, server, tool }: AskedBy, since: Date): Promise<AskedBefore> {
    const found = await sql<AskedBefore>`
      select
        exists (select 1 from holdfast.approvals where grant_name = ${grant} and server = ${server} and tool = ${tool}
          and state in ('dispatched', 'succeeded', 'failed', 'unknown')) as sent,
        exists (select 1 from holdfast.approvals where grant_name = ${grant} and created_at >= ${since}
          and state <> 'withdrawn') as today`.execute(this.#db);
    return found.rows[0]!;
  }
}

interface AskedBy {
  readonly grant: string;
  readonly server: string;
  readonly tool: string;
}

function useOf({ grant, server, tool }: AskedBy): string {
  return JSON.stringify([grant, server, tool]);
}

function keep(known: Set<string>, fact: string): void {
  if (known.size >= MOST_KNOWN) known.clear();
  known.add(fact);
}
