/** The few Cloudflare types that worker.ts uses. */
declare module 'cloudflare:workers' {
  export abstract class DurableObject<Env = unknown> {
    protected readonly ctx: DurableObjectState;
    protected readonly env: Env;
    constructor(ctx: DurableObjectState, env: Env);
  }
}

interface DurableObjectState {
  readonly storage: {
    setAlarm(at: number): Promise<void>;
    getAlarm(): Promise<number | null>;
    readonly sql: { exec(text: string, ...values: (string | number)[]): { toArray(): Record<string, unknown>[] } };
    transactionSync<T>(work: () => T): T;
    sync(): Promise<void>;
  };
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
}
