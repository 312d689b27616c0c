import { type JsonNode, readJsonText } from './json-text.ts';
import { type JsonReplacement, withReplaced } from './through-holdfast.ts';

/** Three states of one client's file, as texts. */
export interface ClientFileStates {
  readonly before: string;
  /** What init wrote. */
  readonly written: string;
  readonly now: string;
}

/**
 * The file as it is now with the entries that init changed as they were before, and everything else that changed since; null:
 * one of them was changed since, or is gone, or the file can no longer be read.
 */
export function putBack({ before, written, now }: ClientFileStates): string | null {
  const [old, made, present] = [before, written, now].map(readJsonText);
  if (!old?.ok || !made?.ok || !present?.ok) return null;
  const places = { old: entriesOf(old.root), present: entriesOf(present.root) };
  const replacements: JsonReplacement[] = [];
  for (const [place, entry] of entriesOf(made.root)) {
    const earlier = places.old.get(place);
    if (earlier === undefined || sameJson(earlier, entry)) continue;
    const node = places.present.get(place);
    if (node === undefined || !sameJson(node, entry)) return null;
    replacements.push({ node, value: earlier.value });
  }
  return withReplaced(now, replacements);
}

/** Every server of the file, by its place as JSON. */
function entriesOf(root: JsonNode): ReadonlyMap<string, JsonNode> {
  const found = new Map<string, JsonNode>();
  const take = (node: JsonNode, path: readonly string[]): void => {
    for (const { name, node: inner } of node.members ?? []) {
      if (name !== 'mcpServers' && name !== 'servers') continue;
      for (const each of inner.members ?? []) found.set(JSON.stringify([...path, name, each.name]), each.node);
    }
  };
  take(root, []);
  const projects = root.members?.find(({ name }) => name === 'projects')?.node.members ?? [];
  for (const { name, node } of projects) take(node, ['projects', name]);
  return found;
}

function sameJson(a: JsonNode, b: JsonNode): boolean {
  return JSON.stringify(a.value) === JSON.stringify(b.value);
}
