import { type DoctorFinding, fault, ok, warn } from './finding.ts';

/** The oldest Node that can run this program, and the one that it is tested with. */
const OLDEST_NODE = [22, 18] as const;
const TESTED_NODE = 24;

export function nodeFindings(version: string): DoctorFinding[] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    return [fault('node', `Node ${version} cannot run this program`, `Use Node ${TESTED_NODE}.`)];
  }
  if (major < TESTED_NODE) return [warn('node', `Node ${version} is not tested`, `Use Node ${TESTED_NODE}.`)];
  return [ok('node', `Node ${version}`)];
}
