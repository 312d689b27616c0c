/** What policy does with a tool that has changed since the policy was written. */
export const DRIFT_ACTIONS = ['allow', 'ask', 'deny'] as const;
export type DriftAction = (typeof DRIFT_ACTIONS)[number];

/** How a tool looked when somebody last reviewed it: digests of its words and schemas, and its annotations. */
export interface SeenTool {
  /** Over title and description. */
  readonly description: string;
  /** Over input and output schema. */
  readonly schema: string;
  /** `readOnlyHint` and the like, as the server gave them. */
  readonly annotations: Readonly<Record<string, boolean>>;
}

/** Which part of a tool has changed. */
export type ToolChange = 'description' | 'schema' | 'annotations';

/** How a tool differs from how it was seen; empty: not at all. */
export function changesOf(was: SeenTool, is: SeenTool): readonly ToolChange[] {
  const changed: ToolChange[] = [];
  if (was.description !== is.description) changed.push('description');
  if (was.schema !== is.schema) changed.push('schema');
  if (!sameAnnotations(was.annotations, is.annotations)) changed.push('annotations');
  return changed;
}

function sameAnnotations(was: SeenTool['annotations'], is: SeenTool['annotations']): boolean {
  const names = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...names].every((name) => own(was, name) === own(is, name));
}

function own(annotations: SeenTool['annotations'], name: string): boolean | undefined {
  return Object.hasOwn(annotations, name) ? annotations[name] : undefined;
}
