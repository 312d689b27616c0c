export interface Clock {
  now(): Date;
}

/** Structured lines for operators. Never a secret, an argument or a result. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Thrown by an adapter whose outside cannot answer. Doors turn it into "…cannot answer" and forward nothing (P6). */
export class Unavailable extends Error {
  readonly part: 'store' | 'queue' | 'slack' | 'audit';
  constructor(part: Unavailable['part'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Unavailable';
    this.part = part;
  }
}
