/** What goes wrong with the next calls of a method. `times` is 1 by default. */
export type InjectedFault =
  /** The effect happens, then the connection closes without an answer. */
  | { readonly kind: 'drop-answer'; readonly times?: number }
  /** The connection closes before anything happens. */
  | { readonly kind: 'refuse-connection'; readonly times?: number }
  | { readonly kind: 'http-500'; readonly times?: number }
  /** `retryAfter` in seconds, 1 by default. */
  | { readonly kind: 'ratelimited'; readonly times?: number; readonly retryAfter?: number }
  /** Slack's own refusal by name: `fatal_error`, `edit_window_closed`, `is_inactive`, … */
  | { readonly kind: 'error'; readonly error: string; readonly times?: number }
  /** The effect happens at once, the answer `ms` later. */
  | { readonly kind: 'slow'; readonly ms: number; readonly times?: number };

/** Faults that have not happened yet, oldest first; a method's own before those for every method (`*`). */
export class InjectedFaults {
  readonly #waiting: { method: string; fault: InjectedFault; left: number }[] = [];

  add(method: string, fault: InjectedFault): void {
    this.#waiting.push({ method, fault, left: fault.times ?? 1 });
  }

  clear(): void {
    this.#waiting.length = 0;
  }

  take(method: string): InjectedFault | null {
    const found = this.#waiting.find((w) => w.method === method) ?? this.#waiting.find((w) => w.method === '*');
    if (found === undefined) return null;
    found.left -= 1;
    if (found.left <= 0) this.#waiting.splice(this.#waiting.indexOf(found), 1);
    return found.fault;
  }
}
