import type { Loaded } from '../../config/load.ts';

/** Which version of each policy rules from now on. */
export function digestsOf({ policies }: Loaded): { [server: string]: string } {
  return Object.fromEntries([...policies].map(([server, policy]) => [server, policy.digest]));
}
