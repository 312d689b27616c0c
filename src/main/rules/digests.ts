import type { Loaded } from '../../config/load.ts';

/** The digest of each server's policy, for the event that says which policies are in force. */
export function policyDigests({ policies }: Loaded): { [server: string]: string } {
  return Object.fromEntries([...policies].map(([server, policy]) => [server, policy.digest]));
}
