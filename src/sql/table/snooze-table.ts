/** A question that a person put aside for themselves. */
export interface SnoozeTable {
  approval_id: string;
  person: string;
  slack: string | null;
  at: Date;
  until: Date;
  /** When its person is told; null: they were, or nobody is to be. */
  tell_at: Date | null;
  tries: number;
  seal: string | null;
}
