import type { Approval } from '../../domain/approval.ts';
import type { LoggedEvent, NewEvent } from '../../domain/event.ts';
import { about } from '../../gateway/decision/decide.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ConsoleVisit } from '../http/login-sessions.ts';

/** Milliseconds in which the same reviewer reading the same thing again is one reading: a live page reads all the time. */
const SAME_MS = 10 * 60_000;
const MOST = 5_000;

/** Who read which details is in the log, once per reviewer, thing and ten minutes. */
export class Reads {
  readonly #gateway: Gateway;
  readonly #seen = new Map<string, number>();

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  approval(visit: ConsoleVisit, approval: Approval, page: string): void {
    const data = { page, fingerprint: approval.fingerprint, revision: approval.revision };
    this.#note(visit, approval.id, (at) => about(approval, { type: 'admin.read', at, actor: visit.reviewer.id, data }));
  }

  event(visit: ConsoleVisit, event: LoggedEvent): void {
    const { approval, server, tool, grant } = event;
    this.#note(visit, `event ${event.n}`, (at) => {
      return {
        type: 'admin.read',
        at,
        actor: visit.reviewer.id,
        approval,
        server,
        tool,
        grant,
        data: { page: 'event', n: event.n },
      };
    });
  }

  #note(visit: ConsoleVisit, what: string, make: (at: Date) => NewEvent): void {
    const at = this.#gateway.clock.now();
    const key = `${visit.login} ${what}`;
    const before = this.#seen.get(key);
    if (before !== undefined && at.getTime() - before < SAME_MS) return;
    this.#seen.delete(key);
    this.#seen.set(key, at.getTime());
    if (this.#seen.size > MOST) this.#seen.delete(this.#seen.keys().next().value!);
    this.#gateway.journal.note(make(at));
  }
}
