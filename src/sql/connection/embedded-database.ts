/** What is used of PGlite, so that it may run in a thread of its own. */
export interface EmbeddedDatabase {
  readonly ready: boolean;
  readonly closed: boolean;
  readonly waitReady: Promise<void>;
  query<Row>(text: string, params?: unknown[], options?: StatementOptions): Promise<StatementResult<Row>>;
  /** Without parameters a text may hold several statements. */
  exec(text: string, options?: StatementOptions): Promise<StatementResult[]>;
  /** Until `run` has ended, every statement from outside waits. */
  transaction<T>(run: (transaction: EmbeddedTransaction) => Promise<T>): Promise<T | undefined>;
  /** Returns a function that ends the listening. */
  onNotification(listener: (channel: string, payload: string) => void): () => void;
  close(): Promise<void>;
}

export interface EmbeddedTransaction {
  query<Row>(text: string, params?: unknown[], options?: StatementOptions): Promise<StatementResult<Row>>;
  exec(text: string, options?: StatementOptions): Promise<StatementResult[]>;
  rollback(): Promise<void>;
}

export interface StatementOptions {
  readonly rowMode?: 'array' | 'object';
  /** By type (OID): how its values are read. A function of a database in a thread may only leave them as they are. */
  readonly parsers?: Record<number, (text: string) => unknown>;
}

export interface StatementResult<Row = { [column: string]: unknown }> {
  readonly rows: Row[];
  readonly affectedRows?: number;
  readonly command?: string;
  readonly rowCount?: number;
}
