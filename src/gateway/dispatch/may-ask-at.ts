import { mayAsk } from '../../domain/policy/policy.ts';
import type { Rules } from '../rules.ts';

/** Whether any call is ever gated at the upstream that this server leads to, under whatever name. */
export function mayAskAt(rules: Pick<Rules, 'alike' | 'policy'>, server: string): boolean {
  return rules.alike(server).some((name) => {
    const policy = rules.policy(name);
    return policy !== null && mayAsk(policy);
  });
}
