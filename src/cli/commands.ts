import {
  type CommandEntry,
  command,
  flag,
  group,
  list,
  operand,
  operands,
  requiredText,
  text,
  textOr,
} from './parse/command.ts';

/*
 * Every command of `holdfast`. To add one, add an entry here and the file that it loads. A command is loaded when it is
 * called: asking for help must not start a database.
 */

const config = text('<file>', 'config file (default: HOLDFAST_CONFIG, else holdfast.yaml)');
const data = text('<dir>', 'data directory (default: HOLDFAST_DATA, else .holdfast)');
const publicUrl = text('<url>', 'address that agents, Slack and browsers use');
const json = flag('print JSON, for programs');

/** What every command takes that asks a running gateway. */
const url = text('<url>', 'address of the gateway (default: HOLDFAST_PUBLIC_URL, else http://127.0.0.1:8787)');
const admin = {
  tokenFile: text('<file>', 'file with the admin token (default: HOLDFAST_ADMIN_TOKEN)'),
  // Refused with what to do instead; not known to anybody who reads help.
  token: { ...text('<token>', 'refused: give --token-file'), hidden: true },
};
const ADMIN_TOKEN = 'Without a token in file or environment, a terminal asks for it.';

const approvals = { url, ...admin, json };
const approvalId = operand('<id>', 'id of the approval');
const decision = {
  id: approvalId,
  reason: text('<text>', 'reason, for the agent and the log'),
  fingerprint: text('<hex>', 'only the call with this fingerprint, as show prints it'),
  ...approvals,
};

const stop = {
  server: text('<name>', 'only this server (default: everything)'),
  grant: text('<name>', 'only this grant'),
  reason: requiredText('<text>', 'why, for agents, approvers and the log'),
  ...approvals,
};

const EXIT_CODES = [
  'Exit codes: 0 the log fits and is vouched for, 1 it does not fit or is too old,',
  '2 misuse, 3 it fits but no checkpoint vouches for it.',
];

export const COMMANDS: readonly CommandEntry[] = [
  command({
    name: 'start',
    summary: 'run the gateway',
    notes: ['Runs until SIGTERM or SIGINT.', 'An option beats the environment, which beats the config file.'],
    takes: {
      config,
      listen: text('<host:port>', 'where to listen (default: HOLDFAST_LISTEN, else 127.0.0.1:8787)'),
      data,
      publicUrl,
      maxBody: text('<bytes>', 'largest request body (default: HOLDFAST_MAX_BODY, else 4 MiB)'),
    },
    load: async () => (await import('./start.ts')).startCommand,
    startsServers: true,
  }),
  command({
    name: 'demo',
    summary: 'see a held call approved, denied, limited',
    load: async () => (await import('./demo.ts')).demoCommand,
  }),
  group({
    name: 'init',
    summary: 'set up what the gateway works with',
    commands: [
      command({
        name: 'slack',
        summary: 'write the manifest of the Slack app, and check what is set up',
        notes: [
          'Without --public-url or HOLDFAST_PUBLIC_URL clicks arrive over Socket Mode,',
          'which needs no public address.',
        ],
        takes: {
          publicUrl,
          name: textOr('Holdfast', '<name>', 'name of the app'),
          out: textOr('slack-manifest.yaml', '<file>', 'file to write'),
          force: flag('replace the file'),
          config,
        },
        load: async () => (await import('./init-slack.ts')).initSlackCommand,
      }),
    ],
  }),
  command({
    name: 'doctor',
    summary: 'find what is wrong, and what to do about it',
    notes: ['Changes nothing and prints no secret. Exit code 1 when something does not work.'],
    takes: { config, data, json },
    load: async () => (await import('./doctor/doctor.ts')).doctorCommand,
    startsServers: true,
    commands: [
      command({
        name: 'slack',
        summary: 'check tokens, scopes, channels, groups and people in Slack',
        takes: { config },
        load: async () => (await import('./doctor/slack.ts')).doctorSlackCommand,
      }),
    ],
  }),
  group({
    name: 'grant',
    summary: 'give an agent access',
    commands: [
      command({
        name: 'new',
        summary: 'make a token for an agent, and the lines for the config',
        takes: {
          name: requiredText('<name>', 'name of the agent'),
          server: list('<server>', 'server that it may call; repeat for several', true),
          owner: textOr('none', '<id>', 'Slack id of its owner, such as U0SAM, or none'),
        },
        load: async () => (await import('./grant-new.ts')).grantNewCommand,
      }),
    ],
  }),
  command({
    name: 'scan',
    summary: 'list tools with their risk, draft policies',
    takes: {
      server: list('<server>', 'scan this server only; repeat for several'),
      write: text('<dir>', 'write <dir>/<server>.yaml with sensible defaults; existing files stay as they are'),
      accept: flag('update the configured policies to how their tools look now'),
      timeout: textOr('60s', '<duration>', 'time that each server has to answer'),
      config,
      json,
    },
    load: async () => (await import('./scan/scan.ts')).scanCommand,
    startsServers: true,
  }),
  group({
    name: 'policy',
    summary: 'check and try policies before they rule',
    commands: [
      command({
        name: 'check',
        summary: 'print every fault in policies',
        takes: {
          files: operands('[files...]', 'policies and their tests (default: the config and all of its policies)'),
          config,
        },
        load: async () => (await import('./policy/check.ts')).policyCheckCommand,
      }),
      command({
        name: 'explain',
        summary: 'print what policy says of one call or other request, and why',
        notes: ['Needs --tool, --resource, --prompt or --method, and --server or --policy.'],
        takes: {
          server: text('<server>', 'server that is called'),
          tool: text('<tool>', 'tool that is called'),
          resource: text('<uri>', 'resource that is read'),
          prompt: text('<name>', 'prompt that is got'),
          method: text('<method>', 'other method that is sent, such as logging/setLevel'),
          args: text('<json>', 'arguments of the call (default: {})'),
          params: text('<json>', 'other members of its params (default: {})'),
          meta: text('<json>', 'members of its _meta (default: {})'),
          grant: text('<name>', 'grant of the agent that calls'),
          policy: text('<file>', 'policy to ask instead of the one that the config names'),
          config,
          json,
        },
        load: async () => (await import('./policy/explain.ts')).policyExplainCommand,
      }),
      command({
        name: 'test',
        summary: 'run the cases in *.test.yaml beside the policies',
        takes: {
          files: operands('[files...]', 'test files (default: those beside the policies)'),
          config,
        },
        load: async () => (await import('./policy/test.ts')).policyTestCommand,
      }),
      command({
        name: 'schema',
        summary: 'print the JSON Schema of policy files',
        takes: { config: { ...config, hidden: true } },
        load: async () => (await import('./policy/schema.ts')).policySchemaCommand,
      }),
    ],
  }),
  group({
    name: 'approvals',
    summary: 'decide from a terminal',
    commands: [
      command({
        name: 'list',
        summary: 'list approvals',
        takes: { state: text('<state>', 'only those in this state, such as pending'), ...approvals },
        load: async () => (await import('./approvals/list.ts')).approvalsListCommand,
      }),
      command({
        name: 'show',
        summary: 'show one approval with its arguments and decisions',
        takes: { id: approvalId, ...approvals },
        load: async () => (await import('./approvals/show.ts')).approvalsShowCommand,
      }),
      command({
        name: 'approve',
        summary: 'approve one call',
        notes: ['Where values are hidden because of their names, it needs --fingerprint.'],
        takes: decision,
        load: async () => (await import('./approvals/decide.ts')).approvalsApproveCommand,
      }),
      command({
        name: 'deny',
        summary: 'deny one call',
        takes: decision,
        load: async () => (await import('./approvals/decide.ts')).approvalsDenyCommand,
      }),
      command({
        name: 'take-back',
        summary: 'take back a yes that nobody has used yet',
        takes: decision,
        load: async () => (await import('./approvals/take-back.ts')).approvalsTakeBackCommand,
      }),
    ],
  }),
  command({
    name: 'freeze',
    summary: 'stop everything, one server or one grant',
    notes: [
      'Nothing new is sent until an operator thaws; what waits goes on waiting.',
      'Exit code 1 when it is frozen already.',
    ],
    takes: stop,
    load: async () => (await import('./freeze/freeze.ts')).freezeCommand,
  }),
  command({
    name: 'thaw',
    summary: 'lift a freeze',
    notes: ['Lifts the freeze of exactly this scope, and lists the others if there is none.'],
    takes: stop,
    load: async () => (await import('./freeze/freeze.ts')).thawCommand,
  }),
  group({
    name: 'audit',
    summary: 'read the log, and prove that it is whole',
    commands: [
      command({
        name: 'list',
        summary: 'search events, newest first',
        notes: [ADMIN_TOKEN],
        takes: {
          type: text('<type>', 'only events of this type, such as approval.decided'),
          what: text('<what>', 'only events about tools, resources, prompts or methods'),
          verdict: text('<verdict>', 'only what policy said: allow, ask, deny or limited'),
          server: text('<server>', 'only events of this server'),
          tool: text('<tool>', 'only events of this tool'),
          grant: text('<name>', 'only events of this grant'),
          approver: text('<id>', 'only decisions of this person, such as U0MIRA, or admin'),
          since: text('<time>', 'only events at or after this time'),
          until: text('<time>', 'only events before this time'),
          state: text('<state>', 'only events of approvals in this state'),
          text: text('<words>', 'only events that contain these words'),
          limit: textOr('50', '<n>', 'most events to print'),
          url,
          ...admin,
          json,
        },
        load: async () => (await import('./audit/list.ts')).auditListCommand,
      }),
      command({
        name: 'tail',
        summary: 'print events as they are sealed',
        notes: [ADMIN_TOKEN],
        takes: { url, ...admin, json },
        load: async () => (await import('./audit/tail.ts')).auditTailCommand,
      }),
      command({
        name: 'export',
        summary: 'print the whole log as JSON Lines',
        notes: [ADMIN_TOKEN],
        takes: {
          cards: flag('with what each card showed'),
          url,
          ...admin,
          json: { ...json, hidden: true },
        },
        load: async () => (await import('./audit/export.ts')).auditExportCommand,
      }),
      command({
        name: 'verify',
        summary: 'check that the log is what the gateway wrote and signed',
        notes: ['Needs no gateway: an export and a public key, or the database.', ...EXIT_CODES],
        takes: {
          export: text('<file>', 'verify an export; - reads standard input (default: the database)'),
          database: flag('verify the database, as without --export', { excludes: 'export' }),
          key: list('<file|hex>', 'public key that may sign; repeat for several (default: from HOLDFAST_SECRET)'),
          checkpoints: list('<file>', 'checkpoints that were kept elsewhere; repeat for several'),
          witness: text('<file>', 'checkpoints.jsonl of a gateway: the log must not end before it'),
          maxAge: textOr('1h', '<duration>', 'age of the newest checkpoint, at most; off for a log that has ended'),
          log: text('<id>', 'the id that the log must have'),
          data,
          json,
        },
        load: async () => (await import('./audit/verify.ts')).auditVerifyCommand,
      }),
      command({
        name: 'key',
        summary: 'print the public keys that checkpoints are signed with',
        takes: {
          url: text('<url>', 'ask the gateway at this address (default: from HOLDFAST_SECRET)'),
          ...admin,
          data,
        },
        load: async () => (await import('./audit/key.ts')).auditKeyCommand,
      }),
    ],
  }),
  group({
    name: 'store',
    summary: 'go on after the database went back in time',
    commands: [
      command({
        name: 'accept',
        summary: 'go on with the database as it is',
        notes: [
          'After a fail-over that lost commits, a restored backup, or changed rows.',
          'Calls that are known as sent become unknown; /readyz says what was found.',
          'Freezes and revocations that the log names are put back; what is lost is named.',
        ],
        takes: {
          reason: requiredText('<text>', 'why, for the log'),
          dryRun: flag('only say what would be done'),
          ...approvals,
        },
        load: async () => (await import('./store-accept.ts')).storeAcceptCommand,
      }),
    ],
  }),
  command({
    name: 'migrate',
    summary: 'bring the schema in Postgres up to date',
    notes: [
      'DATABASE_URL or DATABASE_URL_FILE names the role that owns the schema.',
      'Needed only where the gateway itself may not: each start does the same.',
    ],
    load: async () => (await import('./migrate.ts')).migrateCommand,
  }),
  command({
    name: 'backup',
    summary: 'copy the embedded database while stopped',
    notes: [
      'Refuses while a gateway runs. Opens the copy to check that it is complete.',
      'To continue from the copy: holdfast start --data <target>',
    ],
    takes: { target: operand('<target>', 'directory to make'), config, data },
    load: async () => (await import('./backup.ts')).backupCommand,
  }),
];
