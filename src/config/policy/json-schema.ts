import { z } from 'zod';
import { InterceptToolShape } from '../intercept/schema.ts';
import { ToolShape } from '../rule/schema.ts';
import { HeadShape, SectionActionShape } from './schema.ts';

/** The JSON Schema (2020-12) of policy files, for editors. A copy is kept at `policies/schema.json`. */
export function policyJsonSchema(): object {
  const tools = z
    .record(z.string(), z.union([ToolShape, InterceptToolShape]).nullable())
    .optional()
    .describe('Exact tool names, and globs with * and ?: exact names first, then the longest glob.');
  const section = (about: string): z.ZodType =>
    z
      .record(z.string(), SectionActionShape)
      .optional()
      .describe(`${about} Exact keys first, then the longest glob, then \`default\`, else the file's.`);
  const sections = {
    resources: section('By URI. Without this section resources are allowed and logged.'),
    prompts: section('By name. Without this section prompts are allowed and logged.'),
    methods: section('Other methods, by name. `default` is for methods that no revision of MCP defines.'),
  };
  const schema = z.toJSONSchema(HeadShape.extend({ tools, ...sections }), { io: 'input' });
  return { ...schema, title: 'Holdfast policy' };
}
