import { imaginedCall, readParts } from '../../config/policy/imagined-call.ts';
import type { ToolLists } from '../../gateway/tools/tool-lists.ts';
import type { ConfigView } from '../../web/pages/config-view.ts';
import type { LiveRules } from '../rules/live-rules.ts';

/** The config as the console may see it, without addresses and credentials. */
export function configView(rules: LiveRules, lists: Pick<ToolLists, 'describe' | 'seenAt'>): ConfigView {
  return {
    servers: () =>
      [...rules.loaded.config.servers.values()].map(({ name, upstream, environment, account }) => {
        return {
          name,
          kind: upstream.kind,
          upstream: rules.upstream(name),
          policy: rules.policy(name),
          confined: upstream.kind === 'http' ? null : upstream.runAs !== null || upstream.sandbox !== null,
          listedAt: lists.seenAt(name),
          environment: environment ?? null,
          account: account ?? null,
        };
      }),
    grants: () => rules.loaded.config.grants,
    describe: (server, tool) => lists.describe(server, tool),
    imagine: ({ texts, ...caller }) => {
      const read = readParts(texts);
      if (!read.ok) return read;
      return { ok: true, call: imaginedCall({ ...caller, ...read.parts }), inexact: read.inexact };
    },
  };
}
