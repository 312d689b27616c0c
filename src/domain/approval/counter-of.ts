/** One argument that a counter-proposal changes, as it may be shown. */
export interface ArgumentChange {
  /** As rows are named: `login.name`, `tags[0]`. */
  readonly path: string;
  /** JSON text, cut; null: it was not there. */
  readonly before: string | null;
  /** The same; null: it is left out. */
  readonly after: string | null;
}

/** Of an approval that a person opened with a denial: whose proposal it is, and what it changes. Frozen and sealed with it. */
export interface CounterOf {
  /** The approval that was denied with it. */
  readonly approval: string;
  readonly by: string;
  /** The name of that person in the config's `people` then; absent: it gave none. */
  readonly person?: string;
  readonly via: 'slack' | 'api' | 'console';
  /** How many counter-proposals led here, with this one. */
  readonly depth: number;
  /** The first of what it changes. */
  readonly changes: readonly ArgumentChange[];
  /** How many more there are. */
  readonly more: number;
}
