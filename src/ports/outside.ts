/**
 * What time it is: the database's time, so that all replicas agree on every deadline whatever their own clocks say
 * (decision 0040). Only with the embedded database it is this machine's.
 */
export interface Clock {
  now(): Date;
  /** How far this machine's clock is ahead of it, in ms; negative: behind. Absent: it is this machine's clock. */
  readonly aheadMs?: number;
}

/** Structured lines for operators. They never hold a secret, an argument or a result. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Thrown by an adapter when what is behind it cannot answer. Doors say so and forward nothing (P6). */
export class Unavailable extends Error {
  readonly part: 'store' | 'queue' | 'slack' | 'audit' | 'witness' | 'provider' | 'archive';
  constructor(part: Unavailable['part'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Unavailable';
    this.part = part;
  }
}

/** What was sent cannot be kept or looked up, whoever sends it and however often: bad input, and no outage. */
export class Unstorable extends Unavailable {}

/** The database answers and does not keep what it is sent: somebody's trigger, rule or policy takes it out again. */
export class Swallowed extends Unavailable {
  readonly table: string;
  constructor(table: string, message: string, options?: ErrorOptions) {
    super('store', message, options);
    this.table = table;
  }
}
