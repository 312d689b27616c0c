import { isToolName } from '../../domain/call/call.ts';
import { type Json, member } from '../../domain/json/json.ts';
import { secretName } from '../../domain/json/secret-name.ts';
import { type Classification, classify } from '../../domain/tool/classify.ts';
import type { SeenTool } from '../../domain/tool/drift.ts';
import type { Tool } from '../../domain/tool/tool.ts';
import { plainLine } from '../../text/plain-line.ts';
import { seenNow } from './seen.ts';

/** What a scan found, from which a policy is drafted. */
export interface ScannedTools {
  /** The server's own name and version: `resend 2.22.0`. */
  readonly product: string;
  readonly tools: readonly Tool[];
}

/**
 * Drafts a policy for what a scan found: reads and writes are allowed within limits, what needs care or is called destructive
 * by its own server requires approval, anything else is denied. A person must read and correct it. Of the server's own words it holds only its name, its
 * version, the names of its tools, and plain names of arguments that are a secret's.
 */
export function draftPolicy({ product, tools }: ScannedTools): string {
  const known = tools.filter((tool) => isToolName(tool.name));
  const leftOut = tools.length - known.length;
  const lines = [
    '# Written by holdfast scan: a first guess from names, descriptions, schemas and annotations. Review it before use.',
    `# Scanned: ${plainLine(product)}, ${known.length} tools.`,
    ...(leftOut === 0 ? [] : [`# Left out: ${leftOut} with names that are denied anyway.`]),
    'version: "1"',
    'default: deny',
    'drift: ask',
    'tools:',
    ...known.flatMap((tool) => ruleOf(tool)),
  ];
  return `${lines.join('\n')}${known.length === 0 ? ' {}' : ''}\n`;
}

function ruleOf(tool: Tool): string[] {
  const classification = classify(tool);
  const { risk, severity } = classification;
  const { action, limit } = defaultsFor(classification);
  return [
    `  ${keyText(tool.name)}:`,
    `    risk: ${risk}`,
    `    severity: ${severity}`,
    ...(action === 'allow'
      ? []
      : [`    action: ${action}`, `    reason: ${JSON.stringify(reasonFor(classification))}`]),
    `    limits: [{ counter: ${limit.counter}, window: ${limit.window}, max: ${limit.max}, scope: grant }]`,
    ...(action === 'allow' ? [] : redactLine(tool)),
    `    seen: ${seenText(seenNow(tool))}`,
  ];
}

/** Declares the arguments that would be hidden because of their names, so that one click can approve the call. */
function redactLine({ inputSchema }: Tool): string[] {
  const names = Object.entries(member(inputSchema, 'properties') ?? {})
    .filter(([name, schema]) => PLAIN_NAME.test(name) && secretName(name) !== null && isSingle(schema as Json))
    .map(([name]) => `args.${name}`);
  return names.length === 0 ? [] : [`    redact: [${names.join(', ')}]`];
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** Whether the schema says that the value is text: that of an object is shown, and a number may be a count. */
function isSingle(schema: Json): boolean {
  return member(schema, 'type') === 'string';
}

/** A key of a YAML map, in quotes unless YAML reads it as text without them. */
function keyText(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_./-]*$/.test(name) && !/^(true|false|null)$/i.test(name) ? name : JSON.stringify(name);
}

/** A `seen` record on one line of YAML. */
export function seenText(seen: SeenTool): string {
  const annotations = Object.entries(seen.annotations).map(([name, value]) => `${name}: ${value}`);
  const tail = annotations.length === 0 ? '' : `, annotations: { ${annotations.join(', ')} }`;
  // Quoted: digits with a single e among them would be read as a number.
  return `{ description: "${seen.description}", schema: "${seen.schema}"${tail} }`;
}

interface Defaults {
  readonly action: 'allow' | 'require_approval';
  readonly limit: { readonly counter: string; readonly window: 'minute' | 'hour'; readonly max: number };
}

function defaultsFor({ risk, care, saysItDestroys, severity }: Classification): Defaults {
  if (care || saysItDestroys)
    return { action: 'require_approval', limit: { counter: 'careful', window: 'hour', max: 30 } };
  if (risk === 'read') return { action: 'allow', limit: { counter: 'reads', window: 'minute', max: 120 } };
  const max = severity === 'high' ? 60 : 120;
  return { action: 'allow', limit: { counter: severity === 'high' ? 'big_writes' : 'writes', window: 'hour', max } };
}

function reasonFor({ risk, care }: Classification): string {
  return care ? REASONS[risk] : 'May destroy what exists, as the server itself says.';
}

const REASONS = {
  destructive: 'Destroys what exists.',
  execute: 'Runs what the agent wrote.',
  financial: 'Moves money.',
  read: 'Shows credentials.',
  write: 'Opens access, makes credentials, or cannot be called back.',
} as const satisfies Record<Classification['risk'], string>;
