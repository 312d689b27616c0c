import { command, group, list, operand, requiredText, text, textOr } from '../parse/command.ts';
import { ASKS_A_GATEWAY, asking, config, json, why } from './options.ts';

/** Who may call. */
export const GRANT_COMMANDS = [
  group({
    name: 'grant',
    summary: 'give an agent access, or take it away',
    commands: [
      command({
        name: 'list',
        summary: 'list grants with their owner, servers, expiry and last use',
        notes: ASKS_A_GATEWAY,
        takes: asking,
        printsData: true,
        load: async () => (await import('../grant/list.ts')).grantListCommand,
      }),
      command({
        name: 'new',
        summary: 'make a token for an agent, and the lines for the config',
        notes: [
          'If there is a config, its servers are checked. The config is not changed: add the printed lines yourself.',
        ],
        takes: {
          name: requiredText('<name>', 'name of the agent'),
          server: list('<server>', 'server that it may call; repeat for several', true),
          owner: textOr('none', '<id>', 'Slack id of its owner, such as U0SAM, a name under people, or none'),
          expires: text('<date>', 'end of the grant, such as 2027-01-31 (default: never)'),
          config,
          json,
        },
        load: async () => (await import('../grant/new.ts')).grantNewCommand,
      }),
      command({
        name: 'revoke',
        summary: 'revoke the tokens of a grant permanently',
        notes: [
          'Takes effect on every replica within two seconds; its approved calls are not sent. The only way back is a new token: holdfast grant new.',
          ...ASKS_A_GATEWAY,
        ],
        takes: { name: operand('<name>', 'name of the grant'), reason: why, ...asking },
        load: async () => (await import('../grant/revoke.ts')).grantRevokeCommand,
      }),
    ],
  }),
];
