import type { Approval } from '../../domain/approval/approval.ts';
import { approvalEvent, type LoggedEvent, type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Period } from '../../domain/log/period.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Clock } from '../../ports.ts';
import type { Journal } from './journal.ts';

/** Milliseconds within which a reviewer's reads of the same thing count as one: a live page reads all the time. */
const SAME_MS = 10 * 60_000;
/** How many recent reads are remembered. */
const MAX_REMEMBERED = 5_000;

/** Who reads, and in which login. */
export interface LogReader {
  readonly login: string;
  readonly reviewer: { readonly id: string };
}

/** Logs who read which details: once per login and thing within ten minutes. */
export class AdminReads {
  readonly #clock: Clock;
  readonly #journal: Pick<Journal, 'note'>;
  readonly #seen = new Map<string, number>();

  constructor({ clock, journal }: { readonly clock: Clock; readonly journal: Pick<Journal, 'note'> }) {
    this.#clock = clock;
    this.#journal = journal;
  }

  approval(reader: LogReader, approval: Approval, page: string): void {
    const data = { page, fingerprint: approval.fingerprint, revision: approval.revision };
    this.#note(reader, approval.id, (at) =>
      approvalEvent(approval, { type: 'admin.read', at, actor: actorOf(reader.reviewer), data }),
    );
  }

  event(reader: LogReader, event: LoggedEvent): void {
    const { approval, server, tool, grant } = event;
    this.#note(reader, `event ${event.n}`, (at) => {
      return {
        type: 'admin.read',
        at,
        actor: actorOf(reader.reviewer),
        approval,
        server,
        tool,
        grant,
        data: { page: 'event', n: event.n },
      };
    });
  }

  /** `query`: what was searched for. */
  exported(reader: LogReader, query: Readonly<Record<string, string>>): void {
    const data = { page: 'export', query };
    this.#note(reader, `export ${JSON.stringify(query)}`, (at) => {
      return { type: 'admin.read', at, actor: actorOf(reader.reviewer), ...NO_SUBJECT, data };
    });
  }

  oversight(reader: LogReader, { from, to }: Period): void {
    this.#note(reader, `oversight ${from} ${to}`, (at) => {
      return {
        type: 'admin.read',
        at,
        actor: actorOf(reader.reviewer),
        ...NO_SUBJECT,
        data: { page: 'oversight', from, to },
      };
    });
  }

  #note(reader: LogReader, what: string, make: (at: Date) => NewEvent): void {
    const at = this.#clock.now();
    const key = `${reader.login} ${what}`;
    const before = this.#seen.get(key);
    if (before !== undefined && Math.abs(at.getTime() - before) < SAME_MS) return;
    this.#seen.delete(key);
    this.#seen.set(key, at.getTime());
    if (this.#seen.size > MAX_REMEMBERED) this.#seen.delete(this.#seen.keys().next().value!);
    this.#journal.note(make(at));
  }
}
