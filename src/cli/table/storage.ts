import { command, flag, group, operand, requiredText } from '../parse/command.ts';
import { ASKS_A_GATEWAY, asking, config, data, json } from './options.ts';

/** What is kept. */
export const STORAGE_COMMANDS = [
  group({
    name: 'store',
    summary: 'continue after the database went back in time',
    commands: [
      command({
        name: 'accept',
        summary: 'continue with the database as it is',
        notes: [
          'For use after a fail-over that lost commits, a restored backup, or changed rows; /readyz says what was found. Calls that are known to have been sent become unknown. Freezes and revocations in the log are restored; what is lost is listed.',
          ...ASKS_A_GATEWAY,
        ],
        takes: {
          reason: requiredText('<text>', 'why, for the log'),
          dryRun: flag('only print what would be done'),
          ...asking,
        },
        load: async () => (await import('../store-accept.ts')).storeAcceptCommand,
      }),
    ],
  }),
  command({
    name: 'migrate',
    summary: 'bring the schema in Postgres up to date',
    notes: [
      'DATABASE_URL or DATABASE_URL_FILE names the role that owns the schema. Needed only if the gateway’s own role may not change the schema; otherwise each start does it.',
    ],
    takes: { json },
    load: async () => (await import('../migrate.ts')).migrateCommand,
  }),
  command({
    name: 'backup',
    summary: 'copy the embedded database while stopped',
    notes: [
      'Refuses while a gateway runs. Opens the copy to check that it is complete.',
      'To continue from the copy: holdfast start --data <target>',
    ],
    takes: { target: operand('<target>', 'directory to make'), config, data, json },
    load: async () => (await import('../backup.ts')).backupCommand,
  }),
];
