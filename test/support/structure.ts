import { importsOf, roomOf, sources, textOf } from './house.ts';

/** What imports what: for each node the nodes that it names. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Every file of a folder with the files of that folder that it imports, types included. */
export function fileGraph(folder: string): Graph {
  const files = sources(folder);
  const known = new Set(files);
  return new Map(
    files.map((file) => [
      file,
      new Set(
        importsOf(file, textOf(file))
          .map(({ target }) => target)
          .filter((target) => known.has(target)),
      ),
    ]),
  );
}

/** Nodes that reach each other, a list for each circle; found as strongly connected components (Tarjan). */
export function circles(graph: Graph): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

/**
 * The sub-rooms of each room from the ground up. A file may import what stands in its own sub-room or below it, never
 * above. A file that lies in the room itself is named with its ending. Rooms that are not listed are flat.
 */
export const FLOORS: Readonly<Record<string, readonly string[]>> = {};

/** Where in its room a file belongs: its sub-room, or its own name where it lies in the room itself. */
export function floorOf(file: string): string {
  return file.split('/')[2] ?? file;
}

/** Every import that runs up within a room, and every sub-room that has no floor. */
export function wrongFloors(): string[] {
  const graph = fileGraph('src');
  const faults = new Set<string>();
  for (const [file, targets] of graph) {
    const floors = FLOORS[roomOf(file)];
    if (floors === undefined) {
      if (file.split('/').length > 3) faults.add(`${roomOf(file)} has sub-rooms, and FLOORS does not order them`);
      continue;
    }
    const from = floors.indexOf(floorOf(file));
    if (from < 0) faults.add(`${file} has no place in FLOORS`);
    for (const target of targets) {
      if (roomOf(target) !== roomOf(file)) continue;
      if (floors.indexOf(floorOf(target)) > from) faults.add(`${file} must not import ${target}, which is above it`);
    }
  }
  return [...faults].sort();
}

const EXPORTED = /^export (?:declare )?(?:abstract )?(?:type|interface|class) ([A-Za-z0-9_]+)/gm;

/** Exported types and classes of one name in two files: one name has one meaning in the whole house. */
export function ambiguousTypes(): string[] {
  const owners = new Map<string, string[]>();
  for (const file of sources('src')) {
    for (const [, name] of textOf(file).matchAll(EXPORTED)) owners.set(name!, [...(owners.get(name!) ?? []), file]);
  }
  return [...owners].filter(([, files]) => files.length > 1).map(([name, files]) => `${name}: ${files.join(', ')}`);
}
