import { z } from 'zod';
import { isToolName } from '../../domain/call/call.ts';
import type { StatedCall } from '../../domain/policy/after.ts';
import { RISKS } from '../../domain/tool/risk.ts';
import { DURATION_FORM, parseDuration } from '../document/duration.ts';

const AGO_FORM = `${DURATION_FORM}: how long ago it was`;

/** One earlier call, as a test case or `policy explain` states it. */
export const StatedCallShape = z.strictObject({
  tool: z.string().refine(isToolName, { error: 'the name of a tool' }),
  server: z.string().optional(),
  risk: z.enum(RISKS).optional(),
  ago: z.string({ error: AGO_FORM }).refine((text) => parseDuration(text) !== null, { error: AGO_FORM }),
  outcome: z.enum(['succeeded', 'failed', 'unknown'], { error: 'succeeded, failed or unknown' }).optional(),
  session: z.enum(['same', 'other'], { error: 'same or other' }).optional(),
});

export const StatedHistoryShape = z.array(StatedCallShape).max(100, { error: 'at most 100 calls' });

/** The calls of a stated history; one that states no outcome succeeded, in the same session. `server`: where none is named. */
export function statedCalls(shapes: z.infer<typeof StatedHistoryShape>, server: string): StatedCall[] {
  return shapes.map(({ tool, server: named, risk, ago, outcome = 'succeeded', session = 'same' }) => ({
    call: { servers: [named ?? server], tool, risk: risk ?? null },
    agoMs: parseDuration(ago) ?? 0,
    succeeded: outcome === 'succeeded',
    sameSession: session === 'same',
  }));
}
