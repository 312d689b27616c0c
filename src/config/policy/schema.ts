import { z } from 'zod';
import { ACTIONS } from '../../domain/policy/policy.ts';
import { SECTION_ACTIONS } from '../../domain/policy/section.ts';
import { AllToolsShape, DriftShape, ProseShape } from '../rule/schema.ts';

/** What a section says under one key, or under `default`. */
export const SectionActionShape = z.enum(SECTION_ACTIONS);

/** Everything but `tools` and the other sections, whose keys are free. */
export const HeadShape = z.strictObject({
  $schema: z.string().optional(),
  version: z.literal(['1', 1], { error: '"1"' }),
  description: ProseShape.optional(),
  default: z.enum(ACTIONS).optional().describe('For tools that are not listed.'),
  hide: z.array(z.string()).optional().describe('Tools that vanish from tools/list and are denied when called.'),
  drift: DriftShape,
  all_tools: AllToolsShape.optional().describe('Applies to every tool.'),
  /** Intercept's; see config/intercept. */
  approvals: z.unknown().optional(),
  tools: z.unknown().optional(),
  resources: z.unknown().optional(),
  prompts: z.unknown().optional(),
  methods: z.unknown().optional(),
});
export type HeadShape = z.infer<typeof HeadShape>;
