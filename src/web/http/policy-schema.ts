import { Hono } from 'hono';

/** For `$schema` in policy files: `https://your-gateway/schema/policy.json`. */
export const POLICY_SCHEMA_PATH = '/schema/policy.json';

/** Serves the JSON Schema of policy files to editors. It reveals nothing about this gateway, so it is public. */
export function policySchemaRoute(make: () => object): Hono {
  let schema: object | null = null;
  return new Hono().get(POLICY_SCHEMA_PATH, (c) => {
    schema ??= make();
    return c.json(schema, 200, { 'cache-control': 'public, max-age=3600' });
  });
}
