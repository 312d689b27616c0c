/** Sums of one day, kept as JSON, so that what is added later needs no column. */
export interface OversightSumsTable {
  subject: string;
  kind: string;
  day: string;
  sums: string;
  seal: string | null;
}

/** Up to where in the chain events are counted: one row. */
export interface OversightCursorTable {
  id: string;
  seq: string;
  seal: string | null;
}
