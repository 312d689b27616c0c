import { z } from 'zod';
import type { Key } from './document/fault.ts';
import { checkShape, type FaultList, isNow } from './document/shape.ts';

/** What a stdio server may reach besides its program, its input and its output. */
export interface Sandbox {
  /** Whether it shares the machine's network, this gateway's own port and everything else on loopback included. */
  readonly network: boolean;
  /** What it sees of the files besides the system's programs and its `cwd`. */
  readonly paths: readonly SandboxPath[];
}

export interface SandboxPath {
  /** Absolute. */
  readonly path: string;
  readonly writable: boolean;
}

const SANDBOX_FORM = 'none, bubblewrap, or { bubblewrap: { network: true, paths: [/srv/data, "/srv/manual:ro"] } }';

export const SandboxShape = z.strictObject({
  bubblewrap: z.strictObject({
    network: z.boolean({ error: 'true or false' }).optional(),
    paths: z.array(z.string({ error: 'a path, with :ro at its end to be read only' }).min(1)).optional(),
  }),
});

/** Reads a server's `sandbox`; null: none. `fill`: fills in names and makes the path absolute. */
export function sandboxOf(
  value: unknown,
  at: readonly Key[],
  faults: FaultList,
  fill: (path: string, place: readonly Key[]) => string,
): Sandbox | null {
  if (value === undefined || value === 'none') return null;
  if (value === 'bubblewrap') return { network: false, paths: [] };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    faults.add(at, isNow(value), SANDBOX_FORM);
    return null;
  }
  const shape = checkShape(SandboxShape, value, at, faults);
  if (shape === null) return null;
  const { network = false, paths = [] } = shape.bubblewrap;
  return {
    network,
    paths: paths.map((text, index) => {
      const [, path = text, mode] = /^(.+):(ro|rw)$/s.exec(text) ?? [];
      return { path: fill(path, ['sandbox', 'bubblewrap', 'paths', index]), writable: mode !== 'ro' };
    }),
  };
}
