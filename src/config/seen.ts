import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { SeenTool } from '../domain/drift.ts';
import type { Json } from '../domain/json.ts';
import type { Tool } from '../domain/tool.ts';

const HINTS = {
  readOnly: 'readOnlyHint',
  destructive: 'destructiveHint',
  idempotent: 'idempotentHint',
  openWorld: 'openWorldHint',
} as const;

/** How a tool looks now, to be compared with how it was seen. Digests over RFC 8785, so that the order of keys is nothing. */
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

/** What has no canonical form is seen all the same: a server must not be able to change a tool unseen. */
function textOf(value: Json): string {
  try {
    return canonicalize(value) ?? '';
  } catch {
    return `no canonical form: ${JSON.stringify(value)}`;
  }
}
