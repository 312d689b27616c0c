/** Which calls are sampled together: those of one tool on one day. */
export interface SampleGroup {
  readonly server: string;
  readonly tool: string;
  /** `2026-11-30`, in UTC. */
  readonly day: string;
}

/** One call as it is kept: its content is sealed, bound to its group and rank. */
export interface KeptSample extends SampleGroup {
  /** Its place in the group's order, hex; the smallest are kept. */
  readonly rank: string;
  readonly at: Date;
  readonly content: Uint8Array;
}

/** What is kept of plainly allowed calls. Throws `Unavailable('store')`. */
export interface Samples {
  /** Keeps them, and of each of their groups the `most` of smallest rank. What is there already stays as it is. */
  keep(samples: readonly KeptSample[], most: number): Promise<void>;
  /** Octets of content, over all of them. */
  octets(): Promise<number>;
  /** Of these days and later, in the order of their groups and ranks, after this one. */
  read(filter: {
    readonly from: Date;
    readonly server: string;
    readonly after: Pick<KeptSample, 'day' | 'rank' | 'tool'> | null;
    readonly limit: number;
  }): Promise<readonly KeptSample[]>;
  /** Deletes these. How many were there. */
  remove(samples: readonly Pick<KeptSample, 'day' | 'rank' | 'server' | 'tool'>[]): Promise<number>;
  /** Those of which any are kept. */
  servers(): Promise<readonly string[]>;
  /** Deletes those of before this time, at most so many. How many it deleted. */
  forget(before: Date, limit: number): Promise<number>;
}
