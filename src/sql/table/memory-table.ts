/** A call that is remembered because a policy asks what was called before. */
export interface MemoryTable {
  place: string;
  ref: string;
  at: Date;
  until: Date;
  seal: string | null;
}
