import { command, flag, group, list, operands, text, textOr } from '../parse/command.ts';
import { ASKS_A_GATEWAY, admin, approvalId, asking, data, json, STATE_NAMES, TIME, url } from './options.ts';

const EXIT_CODES = [
  'Exit codes: 0 the log fits and is signed, 1 it does not fit or is too old, 2 usage error, 3 it fits, but no checkpoint covers it.',
];

/** The log. */
export const AUDIT_COMMANDS = [
  group({
    name: 'audit',
    summary: 'read and verify the audit log',
    commands: [
      command({
        name: 'list',
        summary: 'search events, newest first',
        notes: ASKS_A_GATEWAY,
        takes: {
          type: text('<type>', 'only events of this type, such as approval.decided'),
          what: {
            ...text('<what>', 'only events about tools, resources, prompts or methods'),
            choices: ['tools', 'resources', 'prompts', 'methods'],
          },
          verdict: {
            ...text('<verdict>', 'only what policy said: allow, ask, deny, limited, "would ask" or "would deny"'),
            choices: ['allow', 'ask', 'deny', 'limited', 'would ask', 'would deny'],
          },
          server: text('<server>', 'only events of this server'),
          tool: text('<tool>', 'only events of this tool'),
          grant: text('<name>', 'only events of this grant'),
          approver: text('<id>', 'only decisions of this person, such as U0MIRA, or admin'),
          since: text('<time>', `only events at or after this time: ${TIME}`),
          until: text('<time>', 'only events before this time'),
          state: { ...text('<state>', 'only events of approvals in this state'), choices: STATE_NAMES },
          text: text('<words>', 'only events that contain these words'),
          before: text('<n>', 'only events before this number (next of the previous page)'),
          limit: textOr('50', '<n>', 'maximum number of events'),
          ...asking,
        },
        printsData: true,
        load: async () => (await import('../audit/list.ts')).auditListCommand,
      }),
      command({
        name: 'tail',
        summary: 'print events as they are sealed',
        notes: ['With --json: one event a line.', ...ASKS_A_GATEWAY],
        takes: asking,
        printsData: true,
        load: async () => (await import('../audit/tail.ts')).auditTailCommand,
      }),
      command({
        name: 'export',
        summary: 'print the whole log as JSON Lines',
        notes: ASKS_A_GATEWAY,
        takes: {
          cards: flag('include what each card showed'),
          erasable: flag('include, readable, what can be erased'),
          url,
          ...admin,
          json: { ...json, hidden: true },
        },
        printsData: true,
        load: async () => (await import('../audit/export.ts')).auditExportCommand,
      }),
      command({
        name: 'evidence',
        summary: 'print what proves one decision, signed, for an auditor',
        notes: [
          'One line of JSON. Check it with: holdfast audit verify --evidence FILE',
          'With --segments it asks no gateway: it reads segments and the database, and signs with HOLDFAST_SECRET.',
          ...ASKS_A_GATEWAY,
        ],
        takes: {
          id: approvalId,
          segments: text(
            '<place>',
            'take it from what was archived of the log in this folder or bucket (s3://bucket/prefix[?region=…])',
          ),
          export: text('<file>', 'with --segments: an export in the place of the database; - reads standard input'),
          data,
          url,
          ...admin,
          json: { ...json, hidden: true },
        },
        printsData: true,
        load: async () => (await import('../audit/evidence.ts')).auditEvidenceCommand,
      }),
      command({
        name: 'erase',
        summary: 'erase what approvals that are over say of their calls',
        notes: [
          'It cannot be undone. Who asked, for which tool, who decided and what became of it stays, and so does the reason.',
          'With --matching and without --yes: only lists the approvals. At most 100 at once.',
          ...ASKS_A_GATEWAY,
        ],
        takes: {
          ids: operands('[ids...]', 'ids of approvals'),
          matching: text('<text>', 'every approval, and every sample, with this text in its call'),
          reason: text('<text>', 'why, for the log'),
          yes: flag('erase what --matching finds'),
          ...asking,
        },
        load: async () => (await import('../audit/erase.ts')).auditEraseCommand,
      }),
      command({
        name: 'verify',
        summary: 'check that the log is what the gateway wrote and signed',
        notes: ['Needs no gateway: an export and a public key, or the database.', ...EXIT_CODES],
        takes: {
          export: text('<file>', 'verify an export; - reads standard input (default: the database)'),
          evidence: {
            ...text('<file>', 'verify the evidence of one decision; - reads standard input'),
            excludes: 'export',
          },
          database: flag('verify the database, as without --export', { excludes: 'export' }),
          segments: text(
            '<place>',
            'verify what was archived in this folder or bucket (s3://bucket/prefix[?region=…]) with it, as one log',
          ),
          key: list('<file|hex>', 'public key that may sign; repeat for several (default: from HOLDFAST_SECRET)'),
          checkpoints: list('<file>', 'checkpoints that were kept elsewhere; repeat for several'),
          witness: text('<file>', 'checkpoints.jsonl of a gateway: the log must not end before it'),
          maxAge: textOr('1h', '<duration>', 'maximum age of the newest checkpoint; off for a log that has ended'),
          log: text('<id>', 'the id that the log must have'),
          data,
          json,
        },
        load: async () => (await import('../audit/verify.ts')).auditVerifyCommand,
      }),
      command({
        name: 'key',
        summary: 'print the public keys that checkpoints are signed with',
        takes: {
          url: text('<url>', 'ask the gateway at this address (default: from HOLDFAST_SECRET)'),
          ...admin,
          data,
          json,
        },
        printsData: true,
        load: async () => (await import('../audit/key.ts')).auditKeyCommand,
      }),
    ],
  }),
  command({
    name: 'oversight',
    summary: 'print who decided what, how fast, and which tools are always approved or often denied',
    notes: [
      'For a quarter: this one when nothing is asked for. For auditors.',
      'With --as html or --as csv: the report as a file.',
      ...ASKS_A_GATEWAY,
    ],
    takes: {
      quarter: text('<quarter>', 'a quarter such as 2026-Q4'),
      from: text('<day>', 'the first day, such as 2026-10-01, with --to'),
      to: text('<day>', 'the last day'),
      as: { ...text('<form>', 'csv or html'), choices: ['csv', 'html'] },
      ...asking,
    },
    printsData: true,
    load: async () => (await import('../oversight.ts')).oversightCommand,
  }),
];
