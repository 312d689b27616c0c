import { randomBytes } from 'node:crypto';

/** Lifetime of a trigger_id, in milliseconds. */
export const TRIGGER_MS = 3_000;
/** Lifetime of a response_url, in milliseconds, and how often it may be used. */
export const RESPONSE_URL_MS = 30 * 60_000;
export const RESPONSE_URL_USES = 5;

export interface ResponseTarget {
  readonly channel: string;
  readonly user: string;
  /** The message that was clicked, for `replace_original` and `delete_original`. */
  readonly ts: string;
}

/** The short-lived permissions that come with a click. */
export class OneShots {
  readonly #triggers = new Map<string, { user: string; view: string | null; until: number; used: boolean }>();
  readonly #responses = new Map<string, ResponseTarget & { until: number; uses: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A new trigger_id. `view` is the modal that was clicked in, for `views.push`. */
  trigger(user: string, view: string | null): string {
    const id = `${Date.now()}.${randomBytes(6).toString('hex')}.${randomBytes(16).toString('hex')}`;
    this.#triggers.set(id, { user, view, until: this.#now() + TRIGGER_MS, used: false });
    return id;
  }

  /** Spends a trigger_id, or names Slack's error. */
  exchange(id: string | undefined): { user: string; view: string | null } | { error: string } {
    const trigger = id === undefined ? undefined : this.#triggers.get(id);
    if (trigger === undefined) return { error: 'invalid_trigger_id' };
    if (trigger.used) return { error: 'exchanged_trigger_id' };
    if (this.#now() >= trigger.until) return { error: 'expired_trigger_id' };
    trigger.used = true;
    return trigger;
  }

  /** Ends a trigger_id after so many ms from now. */
  expireTrigger(id: string, inMs = 0): void {
    const trigger = this.#triggers.get(id);
    if (trigger !== undefined) trigger.until = this.#now() + inMs;
  }

  /** The path of a new response_url. */
  response(target: ResponseTarget): string {
    const path = `/actions/${randomBytes(9).toString('hex')}`;
    this.#responses.set(path, { ...target, until: this.#now() + RESPONSE_URL_MS, uses: 0 });
    return path;
  }

  /** Uses a response_url once, or names Slack's error. */
  respond(path: string): ResponseTarget | { error: string } {
    const response = this.#responses.get(path);
    if (response === undefined) return { error: 'invalid_url' };
    if (this.#now() >= response.until) return { error: 'expired_url' };
    if (response.uses >= RESPONSE_URL_USES) return { error: 'used_url' };
    response.uses += 1;
    return response;
  }
}
