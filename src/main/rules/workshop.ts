import { formatOf } from '../../config/document/document.ts';
import type { Fault } from '../../config/document/fault.ts';
import { knownGroups } from '../../config/groups.ts';
import { parsePolicy } from '../../config/policy/file.ts';
import { suggesting } from '../../config/policy/suggest.ts';
import { PLAIN_ASK } from '../../domain/policy/policy.ts';
import type { Workshop } from '../../gateway/replay/workshop.ts';
import type { LiveRules } from './live-rules.ts';

/** Reads policies as the config does, and suggests them from its texts. */
export function workshopOf(rules: LiveRules): Workshop {
  return {
    servers: () => [...rules.loaded.config.servers.keys()],
    ruling: (server) => rules.loaded.policies.get(server) ?? null,
    parse: (text, format) => {
      const parsed = parsePolicy(text, { path: 'policy', format });
      if (!parsed.ok) return parsed;
      const groups = rules.loaded.config.approvers;
      const faults = parsed.mentions
        .filter(({ group }) => !groups.has(group))
        .map(
          ({ at, group }): Fault =>
            parsed.fault(at, `names ${group}, which the config does not have`, knownGroups(groups)),
        );
      return faults.length > 0 ? { ok: false, faults } : { ok: true, policy: parsed.policy };
    },
    suggest: function* (basis) {
      const { config, policies, policyTexts } = rules.loaded;
      const policy = policies.get(basis.server);
      const text = policy === undefined ? undefined : policyTexts?.get(policy.digest);
      const server = config.servers.get(basis.server);
      if (policy === undefined || text === undefined || server === undefined) {
        return { ok: false, why: 'the text of the policy that rules is not at hand' };
      }
      const mayAsk = config.approvers.size > 0 && rules.requirement(PLAIN_ASK, new Date()).groups.length > 0;
      return yield* suggesting({ ...basis, policy, text, format: formatOf(server.policyPath), mayAsk });
    },
  };
}
