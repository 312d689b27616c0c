import { z } from 'zod';
import type { InexactValues } from '../../domain/call/inexact.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { AskedKind } from '../../domain/policy/judge-method.ts';
import { PATH_ROOTS, type PathRoot } from '../../domain/policy/path.ts';
import { type Document, readDocument } from '../document/document.ts';
import type { Fault, Key } from '../document/fault.ts';
import { checkShape, FaultList } from '../document/shape.ts';
import { imaginedInexact } from './imagined-call.ts';
import { StatedHistoryShape } from './stated-history.ts';

/** A call or another request, and the verdict that it must get. */
export interface PolicyCase {
  readonly name: string;
  readonly subject: { readonly kind: AskedKind | 'tool'; readonly name: string };
  readonly args: JsonObject;
  /** Members of `params` beside `name`, `arguments` and `_meta`. */
  readonly params: JsonObject;
  /** Members of `_meta`. */
  readonly meta: JsonObject;
  readonly inexact: InexactValues;
  readonly grant: string | null;
  /** `refused`: before any verdict, because of a number that a double cannot keep. */
  readonly expect: 'allow' | 'deny' | 'ask' | 'refused';
  /** Text that the verdict's reason must contain. */
  readonly reason: string | null;
  /** How many approvals must be missing before anybody has given one, in all or of each group; null: not tested. */
  readonly missing: number | Readonly<Record<string, number>> | null;
  /** What was called before. */
  readonly history: z.infer<typeof StatedHistoryShape>;
  /** Whether its rule is only watched; null: either. */
  readonly watched: boolean | null;
  readonly line: number;
}

const CaseShape = z.strictObject({
  name: z.string().min(1),
  tool: z.string().optional(),
  resource: z.string().optional(),
  prompt: z.string().optional(),
  method: z.string().optional(),
  args: z.record(z.string(), z.json()).optional(),
  params: z.record(z.string(), z.json()).optional(),
  meta: z.record(z.string(), z.json()).optional(),
  grant: z.string().optional(),
  expect: z.enum(['allow', 'deny', 'ask', 'refused']),
  reason: z.string().optional(),
  missing: z
    .union([z.int(), z.record(z.string(), z.int())], {
      error: 'how many approvals are needed, or how many of which group, such as { security: 1, dba: 1 }',
    })
    .optional(),
  watched: z.boolean().optional(),
  history: StatedHistoryShape.optional(),
});

export type ParsedCases =
  | { readonly ok: true; readonly cases: readonly PolicyCase[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/** Parses a `*.test.yaml`: a list of calls, each with the verdict that it must get. */
export function parseCases(text: string, from: { readonly path: string }): ParsedCases {
  const read = readDocument(text, from.path);
  if (!read.ok) return read;
  const { document } = read;
  const faults = new FaultList(document, ([, part]) => isPart(part));
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
    if (subject.kind === 'method' && subject.name === 'tools/call') {
      faults.add([index, 'method'], 'is tools/call, which is judged by its tool', 'tool: NAME');
      continue;
    }
    cases.push({
      name,
      subject,
      expect,
      args: shape.args ?? {},
      params: shape.params ?? {},
      meta: shape.meta ?? {},
      inexact: imaginedInexact(inexactOf(document, index)),
      grant: shape.grant ?? null,
      reason: shape.reason ?? null,
      missing: shape.missing ?? null,
      watched: shape.watched ?? null,
      history: shape.history ?? [],
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

/** Whether this member of a case is a part of the call, whose numbers may be any. */
function isPart(key: Key | undefined): key is PathRoot {
  return PATH_ROOTS.some((root) => root === key);
}

function inexactOf({ inexact }: Document, index: number) {
  return inexact.flatMap(({ path: [of, part, ...path], offset, written }) =>
    of === index && isPart(part) ? [{ part, path, offset, written }] : [],
  );
}
