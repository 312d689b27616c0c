import { isToolName } from '../domain/call.ts';
import { type Classified, classify } from '../domain/classify.ts';
import type { SeenTool } from '../domain/drift.ts';
import type { Tool } from '../domain/tool.ts';
import { seenNow } from './seen.ts';

/** What a policy is drafted from. */
export interface ScannedTools {
  /** What the server says it is: `resend 2.22.0`. */
  readonly product: string;
  readonly tools: readonly Tool[];
}

/**
 * A policy for what a scan found: reads and writes within limits, everything that needs care on approval, nothing else.
 * Text to be read and corrected by a person. Nothing that the server wrote is in it but tool names.
 */
export function draftPolicy({ product, tools }: ScannedTools): string {
  const known = tools.filter((tool) => isToolName(tool.name));
  const odd = tools.length - known.length;
  const lines = [
    '# Written by holdfast scan: a first guess from names, descriptions, schemas and annotations. Read it before it rules.',
    `# Scanned: ${printable(product)}, ${known.length} tools.`,
    ...(odd === 0 ? [] : [`# Left out: ${odd} with names that are denied anyway.`]),
    'version: "1"',
    'default: deny',
    'drift: ask',
    'tools:',
    ...known.flatMap((tool) => ruleOf(tool)),
  ];
  return `${lines.join('\n')}${known.length === 0 ? ' {}' : ''}\n`;
}

function ruleOf(tool: Tool): string[] {
  const said = classify(tool);
  const { action, limit } = defaultsFor(said);
  return [
    `  ${keyText(tool.name)}:`,
    `    risk: ${said.risk}`,
    `    severity: ${said.severity}`,
    ...(action === 'allow' ? [] : [`    action: ${action}`, `    reason: ${JSON.stringify(REASONS[said.risk])}`]),
    `    limits: [{ counter: ${limit.counter}, window: ${limit.window}, max: ${limit.max}, scope: grant }]`,
    `    seen: ${seenText(seenNow(tool))}`,
  ];
}

/** Plain where YAML reads it as text and as nothing else. */
function keyText(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_./-]*$/.test(name) && !/^(true|false|null)$/i.test(name) ? name : JSON.stringify(name);
}

/** A `seen` record in one line of YAML. */
export function seenText(seen: SeenTool): string {
  const annotations = Object.entries(seen.annotations).map(([name, value]) => `${name}: ${value}`);
  const tail = annotations.length === 0 ? '' : `, annotations: { ${annotations.join(', ')} }`;
  // In quotes: digits with one e in them would be a number.
  return `{ description: "${seen.description}", schema: "${seen.schema}"${tail} }`;
}

interface Defaults {
  readonly action: 'allow' | 'require_approval';
  readonly limit: { readonly counter: string; readonly window: 'minute' | 'hour'; readonly max: number };
}

function defaultsFor({ risk, care, severity }: Classified): Defaults {
  if (care) return { action: 'require_approval', limit: { counter: 'careful', window: 'hour', max: 30 } };
  if (risk === 'read') return { action: 'allow', limit: { counter: 'reads', window: 'minute', max: 120 } };
  const max = severity === 'high' ? 60 : 120;
  return { action: 'allow', limit: { counter: severity === 'high' ? 'big_writes' : 'writes', window: 'hour', max } };
}

const REASONS = {
  destructive: 'Destroys what exists.',
  execute: 'Runs what the agent wrote.',
  financial: 'Moves money.',
  read: 'Shows credentials.',
  write: 'Opens access, makes credentials, or cannot be called back.',
} as const satisfies Record<Classified['risk'], string>;

/** One line of plain text, whatever the server calls itself. */
export function printable(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .slice(0, 200);
}
