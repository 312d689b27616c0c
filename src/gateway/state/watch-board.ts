import type { Watching } from '../../domain/policy/watching.ts';

/** Something that is only watched, and since when. */
export interface WatchedSince extends Watching {
  /** By the log; null: it is not read yet. */
  readonly since: Date | null;
}

/** What is only watched now: read by `/readyz`, the console, metrics and `doctor`. */
export class WatchBoard {
  #list: readonly WatchedSince[] = [];

  get list(): readonly WatchedSince[] {
    return this.#list;
  }

  put(list: readonly WatchedSince[]): void {
    this.#list = list;
  }
}
