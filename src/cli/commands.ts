import { type CommandEntry, command, operand } from './parse/command.ts';
import { GRANT_COMMANDS } from './table/agents.ts';
import { AUDIT_COMMANDS } from './table/audit.ts';
import { DECIDING_COMMANDS } from './table/deciding.ts';
import { POLICY_COMMANDS } from './table/policies.ts';
import { RUNNING_COMMANDS } from './table/running.ts';
import { STORAGE_COMMANDS } from './table/storage.ts';

/** Shells whose completion we write. */
const SHELLS = ['bash', 'zsh', 'fish'];

/**
 * Every command of `holdfast`. To add one, add an entry to the file of its subject in `table/`, and the file that it loads.
 * A command is loaded when it is called: asking for help must not start a database.
 */
export const COMMANDS: readonly CommandEntry[] = [
  ...RUNNING_COMMANDS,
  ...GRANT_COMMANDS,
  ...POLICY_COMMANDS,
  ...DECIDING_COMMANDS,
  ...AUDIT_COMMANDS,
  ...STORAGE_COMMANDS,
  command({
    name: 'completion',
    summary: 'print the completion script for a shell',
    notes: [
      'bash: source <(holdfast completion bash)',
      'zsh:  source <(holdfast completion zsh)',
      'fish: holdfast completion fish | source',
    ],
    takes: { shell: { ...operand('<shell>', `one of ${SHELLS.join(', ')}`), choices: SHELLS } },
    printsData: true,
    load: async () => {
      const { completionCommand } = await import('./completion/completion.ts');
      return ({ shell }, terminal) => completionCommand(shell, COMMANDS, terminal);
    },
  }),
];
