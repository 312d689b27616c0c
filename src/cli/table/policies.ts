import { command, flag, group, list, operands, text, textOr } from '../parse/command.ts';
import { ASKS_A_GATEWAY, asking, config, json, TIME } from './options.ts';

/** What servers offer, and what policy says about it. */
export const POLICY_COMMANDS = [
  command({
    name: 'scan',
    summary: 'list tools with their risk, draft policies',
    notes: ['Starts the servers of the config, lists their tools, and calls none.'],
    takes: {
      server: list('<server>', 'scan this server only; repeat for several'),
      write: text('<dir>', 'write <dir>/<server>.yaml with sensible defaults; existing files stay as they are'),
      accept: flag('update the configured policies to how their tools look now'),
      timeout: textOr('60s', '<duration>', 'time that each server has to answer'),
      config,
      json,
    },
    load: async () => (await import('../scan/scan.ts')).scanCommand,
    startsServers: true,
  }),
  group({
    name: 'policy',
    summary: 'check and try policies before use',
    commands: [
      command({
        name: 'check',
        summary: 'print every error in policies',
        takes: {
          files: operands(
            '[files...]',
            'policies, their tests, or folders of them (default: all that the config names)',
          ),
          config,
          json,
        },
        load: async () => (await import('../policy/check.ts')).policyCheckCommand,
      }),
      command({
        name: 'explain',
        summary: 'print what policy says about one call or request, and why',
        notes: ['Needs --tool, --resource, --prompt or --method, and --server or --policy.'],
        takes: {
          server: text('<server>', 'server that is called'),
          tool: text('<tool>', 'tool that is called'),
          resource: text('<uri>', 'resource that is read'),
          prompt: text('<name>', 'prompt that is requested'),
          method: text('<method>', 'other method that is sent, such as logging/setLevel'),
          args: text('<json>', 'arguments of the call (default: {})'),
          params: text('<json>', 'other members of its params (default: {})'),
          meta: text('<json>', 'members of its _meta (default: {})'),
          history: text('<json>', 'earlier calls: [{ "tool": …, "ago": "5m" }] (default: none)'),
          grant: text('<name>', 'grant of the agent that calls'),
          policy: text('<file>', 'policy to ask instead of the one that the config names'),
          config,
          json,
        },
        load: async () => (await import('../policy/explain.ts')).policyExplainCommand,
      }),
      command({
        name: 'test',
        summary: 'run the cases in *.test.yaml beside the policies',
        takes: {
          files: operands('[files...]', 'test files, or folders of them (default: those beside the policies)'),
          config,
          json,
        },
        load: async () => (await import('../policy/test.ts')).policyTestCommand,
      }),
      command({
        name: 'replay',
        summary: 'run a changed policy over what was called',
        notes: [
          'Exit codes: 0 no verdict changes, 1 some would change, 2 error. Calls of which too little is known count apart.',
          ...ASKS_A_GATEWAY,
        ],
        takes: {
          since: textOr('7d', '<time>', `look at calls from this time on: ${TIME}`),
          policy: text('<file>', 'policy to try (default: those that the gateway has in force)'),
          server: text('<server>', 'only calls of this server'),
          ...asking,
        },
        load: async () => (await import('../policy/replay.ts')).policyReplayCommand,
      }),
      command({
        name: 'suggest',
        summary: 'write a first or tighter policy from what was called',
        notes: [
          'Prints a policy, never looser than the one in force, with its evidence as comments.',
          ...ASKS_A_GATEWAY,
        ],
        takes: {
          since: textOr('14d', '<time>', `look at calls from this time on: ${TIME}`),
          server: text('<server>', 'server whose policy it is (default: the only one)'),
          ...asking,
        },
        printsData: true,
        load: async () => (await import('../policy/suggest.ts')).policySuggestCommand,
      }),
      command({
        name: 'schema',
        summary: 'print the JSON Schema of policy files',
        takes: { config: { ...config, hidden: true }, json: { ...json, hidden: true } },
        printsData: true,
        load: async () => (await import('../policy/schema.ts')).policySchemaCommand,
      }),
    ],
  }),
];
