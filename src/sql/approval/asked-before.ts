import { type Kysely, sql } from 'kysely';
import type { AskedBefore } from '../../domain/approval/cue.ts';
import { SharedLooks } from '../../time/shared-looks.ts';
import type { Tables } from '../table/tables.ts';

/** Facts that are remembered, of each kind. */
const MOST_KNOWN = 10_000;
/**
 * Milliseconds for which it is believed that a tool was not used yet, but for what this process sends: in a flood of first
 * questions hardly one looks. Another replica's first sending may be overlooked that long: then a card says more, not less.
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
  readonly #looks = new SharedLooks<AskedBefore>();

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async find(by: AskedBy, since: Date): Promise<AskedBefore> {
    const { grant } = by;
    const [use, day] = [useOf(by), JSON.stringify([grant, since.getTime()])];
    if (this.#asked.has(day)) {
      if (this.#sent.has(use)) return { sent: true, today: true };
      if ((this.#unsent.get(use) ?? 0) > performance.now()) return { sent: false, today: true };
    }
    const began = performance.now();
    const { sent, today } = await this.#looks.at(`${use} ${day}`, () => this.#look(by, since));
    if (today) keep(this.#asked, day);
    if (sent) keep(this.#sent, use);
    // Unless this process has sent it meanwhile.
    else if (!this.#sent.has(use)) {
      if (this.#unsent.size >= MOST_KNOWN) this.#unsent.clear();
      this.#unsent.set(use, began + UNSENT_MS);
    }
    return { sent, today };
  }

  /** This process sends such a call. */
  sent(by: AskedBy): void {
    keep(this.#sent, useOf(by));
    this.#unsent.delete(useOf(by));
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
