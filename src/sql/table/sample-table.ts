/** What is kept of one plainly allowed call. `content` is encrypted, bound to the other columns that name the row. */
export interface SampleTable {
  day: string;
  server: string;
  tool: string;
  rank: string;
  at: Date;
  octets: number;
  content: Buffer;
}
