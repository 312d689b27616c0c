import { z } from 'zod';
import { InterceptToolShape } from './intercept-schema.ts';
import { HeadShape, ToolShape } from './policy-schema.ts';

/** The JSON Schema (2020-12) of policy files, for editors; kept at `policies/schema.json`. */
export function policyJsonSchema(): object {
  const tools = z
    .record(z.string(), z.union([ToolShape, InterceptToolShape]).nullable())
    .optional()
    .describe('Exact tool names, and globs with * and ?: exact names first, then the longest glob.');
  const schema = z.toJSONSchema(HeadShape.extend({ tools }), { io: 'input' });
  return { ...schema, title: 'Holdfast policy' };
}
