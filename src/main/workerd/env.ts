/** What wrangler.toml binds, and the same variables as on any runtime. */
export interface WorkerEnv {
  readonly GATEWAY: {
    idFromName(name: string): object;
    get(id: object): { fetch(request: Request): Promise<Response>; tick(): Promise<void> };
  };
  /** `holdfast.yaml` and its policies, by their paths. */
  readonly HOLDFAST_FILES: { get(key: string, type: 'arrayBuffer'): Promise<ArrayBuffer | null> };
  /** Hyperdrive's connection to Postgres, instead of DATABASE_URL. */
  readonly HYPERDRIVE?: { readonly connectionString: string };
  /** `one`: one object for everything (default); `server`: one object for each server. */
  readonly HOLDFAST_SHARD?: string;
  readonly [name: string]: unknown;
}
