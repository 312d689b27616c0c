import { command, flag, group, operand, operands, text, textOr } from '../parse/command.ts';
import { ASKS_A_GATEWAY, approvalId, asking, STATE_NAMES, why } from './options.ts';

const one = {
  reason: text('<text>', 'reason, for the agent and the log'),
  fingerprint: text('<hex>', 'only the call with this fingerprint, as show prints it'),
  ...asking,
};

/** One call, or several that are decided together. */
const decision = {
  id: approvalId,
  more: operands('[more...]', 'ids of further calls, at most 25 in all: all are decided, or none'),
  ...one,
};

const advance = {
  state: { ...textOr('living', '<state>', 'living, ended or all'), choices: ['living', 'ended', 'all'] },
  limit: textOr('100', '<n>', 'maximum number'),
  after: text('<id>', 'continue after this one (next of the previous page)'),
  ...asking,
};

const stop = {
  server: text('<name>', 'only this server (default: everything)'),
  grant: text('<name>', 'only this grant'),
  reason: why,
  ...asking,
};

/** What a person decides from a terminal. */
export const DECIDING_COMMANDS = [
  group({
    name: 'approvals',
    summary: 'decide from a terminal',
    commands: [
      command({
        name: 'list',
        summary: 'list open approvals, newest first',
        notes: [
          'Open approvals wait for a decision or for their agent: pending, approved, dispatched.',
          ...ASKS_A_GATEWAY,
        ],
        takes: {
          state: {
            ...text(
              '<states>',
              `states to list, separated by commas: ${STATE_NAMES.join(', ')}; or all (default: open)`,
            ),
            choices: ['all', 'open', ...STATE_NAMES],
          },
          limit: textOr('100', '<n>', 'maximum number of approvals'),
          after: text('<id>', 'continue after this approval (next of the previous page)'),
          ...asking,
        },
        printsData: true,
        load: async () => (await import('../approvals/list.ts')).approvalsListCommand,
      }),
      command({
        name: 'show',
        summary: 'show one approval with its arguments and decisions',
        notes: ASKS_A_GATEWAY,
        takes: { id: approvalId, ...asking },
        printsData: true,
        load: async () => (await import('../approvals/show.ts')).approvalsShowCommand,
      }),
      command({
        name: 'approve',
        summary: 'approve one call, or several together',
        notes: [
          'Shows each call in full and asks at a terminal. Elsewhere it needs --yes or --fingerprint; where values are hidden because of their names, --fingerprint.',
          ...ASKS_A_GATEWAY,
        ],
        takes: {
          ...decision,
          yes: flag('approve without being asked'),
          wait: text('<seconds>', 'wait so long for what becomes of the call (default: 5, with --json 0)'),
        },
        load: async () => (await import('../approvals/approve.ts')).approvalsApproveCommand,
      }),
      command({
        name: 'deny',
        summary: 'deny one call, or several together',
        notes: [
          'With --counter, another call is proposed instead: all of its arguments, as JSON or as the name of a file. Hidden values stay as they are shown.',
          ...ASKS_A_GATEWAY,
        ],
        takes: {
          ...decision,
          counter: text('<json|file>', 'arguments of the call that would be approved instead'),
        },
        load: async () => (await import('../approvals/decide.ts')).approvalsDenyCommand,
      }),
      command({
        name: 'take-back',
        summary: 'take back an approval that has not been used',
        notes: ASKS_A_GATEWAY,
        takes: { id: approvalId, ...one },
        load: async () => (await import('../approvals/take-back.ts')).approvalsTakeBackCommand,
      }),
    ],
  }),
  group({
    name: 'allowances',
    summary: 'list and revoke what people have allowed in advance',
    commands: [
      command({
        name: 'list',
        summary: 'list allowances with their uses and bounds, newest first',
        notes: ASKS_A_GATEWAY,
        takes: advance,
        printsData: true,
        load: async () => (await import('../allowances/list.ts')).allowancesListCommand,
      }),
      command({
        name: 'revoke',
        summary: 'revoke an allowance',
        notes: ['Nothing is sent under it once this returns. Exit code 1 if it had ended already.', ...ASKS_A_GATEWAY],
        takes: { id: operand('<id>', 'id of the allowance'), ...asking },
        load: async () => (await import('../allowances/list.ts')).allowancesRevokeCommand,
      }),
    ],
  }),
  group({
    name: 'denials',
    summary: 'list and end standing denials',
    commands: [
      command({
        name: 'list',
        summary: 'list standing denials, newest first',
        notes: ASKS_A_GATEWAY,
        takes: advance,
        printsData: true,
        load: async () => (await import('../allowances/list.ts')).denialsListCommand,
      }),
      command({
        name: 'revoke',
        summary: 'end a standing denial',
        notes: ['Its calls are asked about again. Exit code 1 if it had ended already.', ...ASKS_A_GATEWAY],
        takes: { id: operand('<id>', 'id of the standing denial'), ...asking },
        load: async () => (await import('../allowances/list.ts')).denialsRevokeCommand,
      }),
    ],
  }),
  command({
    name: 'freeze',
    summary: 'stop everything, one server or one grant',
    notes: [
      'Nothing new is sent until an operator thaws it; pending calls keep waiting. Exit code 1 if it is frozen already.',
      ...ASKS_A_GATEWAY,
    ],
    takes: stop,
    load: async () => (await import('../freeze/freeze.ts')).freezeCommand,
  }),
  command({
    name: 'thaw',
    summary: 'lift a freeze',
    notes: [
      'Lifts the freeze with exactly this scope. If there is none, lists the freezes in force.',
      ...ASKS_A_GATEWAY,
    ],
    takes: stop,
    load: async () => (await import('../freeze/freeze.ts')).thawCommand,
  }),
];
