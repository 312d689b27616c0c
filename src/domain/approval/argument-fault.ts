/** Why an argument cannot be as it is. */
export interface ArgumentFault {
  /** As rows are named; empty: the arguments as a whole. */
  readonly path: string;
  /** A sentence without its full stop. */
  readonly why: string;
}
