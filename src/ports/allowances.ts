import type { Allowance, AllowanceEnd, StandingDenial } from '../domain/allowance/allowance.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type { Page } from './approvals.ts';

/** What was given in advance, whether yes or no. */
export type InAdvance = Allowance | StandingDenial;

export interface EndInAdvance<E> {
  readonly at: Date;
  readonly why: E;
  /** An approver's id, or `holdfast`. */
  readonly by: string;
}

export type EndedInAdvance<T> =
  | { readonly kind: 'ended'; readonly it: T }
  /** It had ended before. */
  | { readonly kind: 'already'; readonly it: T }
  | { readonly kind: 'not_found' };

/**
 * What people gave in advance, in SQL with its events. Given with the decision (`Change.allows`, `Change.denies`). Throws
 * `Unavailable('store')`.
 */
interface GivenInAdvance<T extends InAdvance, E> {
  /** Those that have not ended, oldest first; null: the set is not what a gateway left. */
  living(): Promise<readonly T[] | null>;
  /** null: there is none, or no gateway wrote it. */
  find(id: string): Promise<T | null>;
  /** Newest first; those that ended too. `after`: the `next` of the page before. */
  list(filter: {
    readonly approval?: string;
    readonly living?: boolean;
    readonly after?: string;
    readonly limit: number;
  }): Promise<Page<T>>;
  /** Ends it, in turn with its uses: none is spent afterwards. */
  end(id: string, end: EndInAdvance<E>, event: (it: T) => NewEvent): Promise<EndedInAdvance<T>>;
}

export interface Allowances extends GivenInAdvance<Allowance, AllowanceEnd> {
  /** Whether a pass that was given under it has not been spent yet. */
  waits(id: string): Promise<boolean>;
}
export type Denials = GivenInAdvance<StandingDenial, 'over' | 'revoked'>;
