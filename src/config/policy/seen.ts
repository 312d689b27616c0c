import { createHash } from 'node:crypto';
import { canonical } from '../../domain/json/canonical.ts';
import type { Json } from '../../domain/json/json.ts';
import { writeJson } from '../../domain/json/write.ts';
import type { SeenTool } from '../../domain/tool/drift.ts';
import type { Tool } from '../../domain/tool/tool.ts';

const HINTS = {
  readOnly: 'readOnlyHint',
  destructive: 'destructiveHint',
  idempotent: 'idempotentHint',
  openWorld: 'openWorldHint',
} as const;

/**
 * How a tool looks now, to be compared with how it was seen. Digests are made over RFC 8785, so that the order of keys
 * does not matter.
 */
export function seenNow(tool: Tool): SeenTool {
  const annotations: Record<string, boolean> = {};
  for (const [hint, name] of Object.entries(HINTS)) {
    const value = tool.hints[hint as keyof typeof HINTS];
    if (value !== null) annotations[name] = value;
  }
  return {
    description: digest([tool.title, tool.description]),
    schema: digest([tool.inputSchema, tool.outputSchema]),
    annotations,
  };
}

/** 128 bits of SHA-256, in hex. */
function digest(value: Json): string {
  return createHash('sha256').update(textOf(value), 'utf8').digest('hex').slice(0, 32);
}

/**
 * A value without a canonical form gets a text too, or a server could change such a tool unnoticed. Never throws: a
 * server must not be able to end the reading of its list.
 */
function textOf(value: Json): string {
  try {
    return canonical(value);
  } catch {
    return `no canonical form: ${writeJson(value)}`;
  }
}
