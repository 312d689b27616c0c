import { z } from 'zod';
import { InterceptToolShape } from '../intercept/schema.ts';
import { ToolShape } from '../rule/schema.ts';
import { HeadShape } from './schema.ts';

/** The JSON Schema (2020-12) of policy files, for editors. A copy is kept at `policies/schema.json`. */
export function policyJsonSchema(): object {
  const tools = z
    .record(z.string(), z.union([ToolShape, InterceptToolShape]).nullable())
    .optional()
    .describe('Exact tool names, and globs with * and ?: exact names first, then the longest glob.');
  const schema = z.toJSONSchema(HeadShape.extend({ tools }), { io: 'input' });
  return { ...schema, title: 'Holdfast policy' };
}
