import { glob, isToolPattern } from '../../domain/policy/glob.ts';
import type { After } from '../../domain/policy/history.ts';
import { DAY_MS } from '../../time/day.ts';
import { durationMs } from '../document/duration.ts';
import type { Key } from '../document/fault.ts';
import { type FaultList, isNow } from '../document/shape.ts';
import type { AfterShape } from './schema.ts';

/** For so long calls are remembered at most. */
const LONGEST_MS = 31 * DAY_MS;
const SHORTEST_MS = 1_000;
const SERVER = /^(\*|[A-Za-z0-9][A-Za-z0-9_-]{0,63})$/;

/** Compiles a condition on earlier calls; null, with a fault, when it cannot hold. */
export function compileAfter(
  shape: AfterShape,
  at: readonly Key[],
  faults: FaultList,
): { readonly after: After; readonly says: string } | null {
  const before = faults.list.length;
  const { tool, risk, server } = shape;
  if (tool === undefined && risk === undefined && server === undefined) {
    faults.add(at, 'names no calls', 'one of tool, risk and server');
  }
  if (tool !== undefined && risk !== undefined)
    faults.add([...at, 'risk'], 'is given together with tool', 'one of them');
  if (tool !== undefined && !isToolPattern(tool)) {
    faults.add([...at, 'tool'], 'can never match a tool', 'a name of A-Z a-z 0-9 _ . / -, or a glob with * and ?');
  }
  if (server !== undefined && !SERVER.test(server)) {
    faults.add([...at, 'server'], isNow(server), 'the name of a server, or * for all of the grant');
  }
  const scope = shape.in ?? 'grant';
  if (server !== undefined && scope === 'session') {
    faults.add([...at, 'in'], 'is session, and a session is of one server', 'in: grant, or no server');
  }
  const withinMs = durationMs(shape.within, [...at, 'within'], faults);
  if (withinMs !== null && (withinMs < SHORTEST_MS || withinMs > LONGEST_MS)) {
    faults.add([...at, 'within'], isNow(shape.within), 'a duration from 1s to 31d');
  }
  if (faults.list.length > before || withinMs === null) return null;
  const calls = { server: server ?? null, tool: tool === undefined ? null : glob(tool), risk: risk ?? null };
  return { after: { calls, withinMs, scope }, says: wordedAfter(shape, scope) };
}

function wordedAfter({ tool, risk, server, within }: AfterShape, scope: After['scope']): string {
  const what = tool !== undefined ? tool : risk !== undefined ? `a call of risk ${risk}` : 'a call';
  const where = server === undefined ? '' : server === '*' ? ' of any server' : ` of ${server}`;
  return `after ${what}${where} within ${within} by the same ${scope}`;
}
