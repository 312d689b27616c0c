import { Hono } from 'hono';

/** Where editors find the schema of policy files: `$schema: https://your-gateway/schema/policy.json`. */
export const POLICY_SCHEMA_PATH = '/schema/policy.json';

/** The JSON Schema of policy files, for editors. Says nothing of this gateway, so anybody may read it. */
export function schemaDoor(make: () => object): Hono {
  let schema: object | null = null;
  return new Hono().get(POLICY_SCHEMA_PATH, (c) => {
    schema ??= make();
    return c.json(schema, 200, { 'cache-control': 'public, max-age=3600' });
  });
}
