import { z } from 'zod';
import type { JsonObject } from '../../domain/json/json.ts';
import { readDocument } from '../document/document.ts';
import type { Fault } from '../document/fault.ts';
import { checkShape, FaultList } from '../document/shape.ts';

/** A call, and the verdict that it must get. */
export interface PolicyCase {
  readonly name: string;
  readonly tool: string;
  readonly args: JsonObject;
  readonly grant: string | null;
  readonly expect: 'allow' | 'deny' | 'ask';
  /** Text that the verdict's reason must contain. */
  readonly reason: string | null;
  readonly line: number;
}

const CaseShape = z.strictObject({
  name: z.string().min(1),
  tool: z.string(),
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
  if (!Array.isArray(document.value)) faults.add([], 'is not a list', 'a list of { name, tool, args, expect }');
  for (const [index, entry] of (Array.isArray(document.value) ? document.value : []).entries()) {
    const shape = checkShape(CaseShape, entry, [index], faults);
    if (shape === null) continue;
    const { line } = document.fault([index], '', null);
    const { name, tool, expect } = shape;
    cases.push({
      name,
      tool,
      expect,
      args: shape.args ?? {},
      grant: shape.grant ?? null,
      reason: shape.reason ?? null,
      line,
    });
  }
  return faults.list.length > 0 ? { ok: false, faults: faults.list } : { ok: true, cases };
}
