import { z } from 'zod';
import type { JsonObject } from '../../domain/json/json.ts';
import type { AskedKind } from '../../domain/policy/judge-method.ts';
import { readDocument } from '../document/document.ts';
import type { Fault } from '../document/fault.ts';
import { checkShape, FaultList } from '../document/shape.ts';

/** A call or another request, and the verdict that it must get. */
export interface PolicyCase {
  readonly name: string;
  readonly subject: { readonly kind: AskedKind | 'tool'; readonly name: string };
  readonly args: JsonObject;
  readonly grant: string | null;
  readonly expect: 'allow' | 'deny' | 'ask';
  /** Text that the verdict's reason must contain. */
  readonly reason: string | null;
  readonly line: number;
}

const CaseShape = z.strictObject({
  name: z.string().min(1),
  tool: z.string().optional(),
  resource: z.string().optional(),
  prompt: z.string().optional(),
  method: z.string().optional(),
  args: z.record(z.string(), z.json()).optional(),
  grant: z.string().optional(),
  expect: z.enum(['allow', 'deny', 'ask']),
  reason: z.string().optional(),
});

export type ParsedCases =
  | { readonly ok: true; readonly cases: readonly PolicyCase[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Parses a `*.test.yaml`: a list of calls, each with the verdict that it must get. */
export function parseCases(text: string, from: { readonly path: string }): ParsedCases {
  const read = readDocument(text, from.path);
  if (!read.ok) return read;
  const { document } = read;
  const faults = new FaultList(document);
  const cases: PolicyCase[] = [];
  if (!Array.isArray(document.value))
    faults.add(
      [],
      'is not a list',
      'a list of { name, tool, args, expect }, with resource, prompt or method in place of tool',
    );
  for (const [index, entry] of (Array.isArray(document.value) ? document.value : []).entries()) {
    const shape = checkShape(CaseShape, entry, [index], faults);
    if (shape === null) continue;
    const { line } = document.fault([index], '', null);
    const { name, expect } = shape;
    const subject = subjectOf(shape);
    if (subject === null) {
      faults.add([index], 'is about nothing, or about several things', 'one of tool, resource, prompt and method');
      continue;
    }
    cases.push({
      name,
      subject,
      expect,
      args: shape.args ?? {},
      grant: shape.grant ?? null,
      reason: shape.reason ?? null,
      line,
    });
  }
  return faults.list.length > 0 ? { ok: false, faults: faults.list } : { ok: true, cases };
}

function subjectOf(shape: z.infer<typeof CaseShape>): PolicyCase['subject'] | null {
  const kinds = (['tool', 'resource', 'prompt', 'method'] as const).filter((kind) => shape[kind] !== undefined);
  const [kind] = kinds;
  return kind === undefined || kinds.length > 1 ? null : { kind, name: shape[kind]! };
}
