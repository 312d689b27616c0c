/** What policy does with a tool that is no longer what it was when the policy was written. */
export const DRIFT_ACTIONS = ['allow', 'ask', 'deny'] as const;
export type DriftAction = (typeof DRIFT_ACTIONS)[number];

/** How a tool looked: digests of its words and of its shape, and what it said about itself. */
export interface SeenTool {
  /** Over title and description. */
  readonly description: string;
  /** Over input and output schema. */
  readonly schema: string;
  /** `readOnlyHint` and its like, as they were given. */
  readonly annotations: Readonly<Record<string, boolean>>;
}

/** What of a tool has changed. */
export type ToolChange = 'description' | 'schema' | 'annotations';

/** What differs between a tool as it was seen and as it is; empty: nothing. */
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
