import { command, flag, list, text, textOr } from '../parse/command.ts';
import { config, data, INIT_CLIENTS, json, publicUrl } from './options.ts';

/** Running a gateway, setting it up, finding what is wrong with it. */
export const RUNNING_COMMANDS = [
  command({
    name: 'start',
    summary: 'run the gateway',
    notes: [
      'Runs until SIGTERM or SIGINT, or until the terminal that it speaks to is closed.',
      'An option beats the environment, which beats the config file.',
      'Prints for people at a terminal, and JSON lines elsewhere.',
    ],
    takes: {
      config,
      listen: text('<host:port>', 'where to listen (default: HOLDFAST_LISTEN, else 127.0.0.1:8787)'),
      data,
      publicUrl,
      maxBody: text('<bytes>', 'maximum request size (default: HOLDFAST_MAX_BODY, else 4 MiB)'),
      allowUndecidable: flag('start although nobody can approve the calls that need approval'),
    },
    load: async () => (await import('../start.ts')).startCommand,
    startsServers: true,
  }),
  command({
    name: 'demo',
    summary: 'see a held call approved, denied, limited',
    load: async () => (await import('../demo.ts')).demoCommand,
  }),
  command({
    name: 'init',
    summary: "put a client's MCP servers behind Holdfast",
    notes: [
      'Reads the file of Claude Desktop, Claude Code, Cursor, VS Code, Windsurf, or a plain .mcp.json. Shows each command and asks before it is run. Writes holdfast.yaml, a policy for each server, a grant with its token, and a changed copy of the file; then starts the gateway.',
      'Nothing is replaced without asking; in a script, --yes agrees to all of it, and --write is needed for the client’s file.',
    ],
    takes: {
      from: text('<file|client>', `the client's file, or ${INIT_CLIENTS.join(', ')} (default: asks)`),
      client: { ...text('<client>', 'whose form the file has (default: by its name)'), choices: INIT_CLIENTS },
      dir: textOr('.', '<dir>', 'folder of the set-up'),
      server: list('<name>', 'only this server of the file; repeat for several'),
      listen: text('<host:port>', 'where to listen (default: HOLDFAST_LISTEN, else 127.0.0.1:8787 or the next free)'),
      write: flag("replace the client's file, and keep a backup"),
      undo: flag("bring the client's file back"),
      force: flag('with --undo: also where it was changed since'),
      yes: flag('ask nothing'),
      noStart: flag('do not start the gateway'),
    },
    load: async () => (await import('../init/init.ts')).initCommand,
    commands: [
      command({
        name: 'slack',
        summary: 'write the manifest of the Slack app, and check what is set up',
        notes: [
          'Without --public-url or HOLDFAST_PUBLIC_URL clicks arrive over Socket Mode, which needs no public address.',
        ],
        takes: {
          publicUrl,
          name: textOr('Holdfast', '<name>', 'name of the app'),
          out: textOr('slack-manifest.yaml', '<file>', 'file to write'),
          force: flag('replace the file'),
          config,
        },
        load: async () => (await import('../init/slack.ts')).initSlackCommand,
      }),
    ],
  }),
  command({
    name: 'doctor',
    summary: 'find what is wrong, and what to do about it',
    notes: ['Changes nothing and prints no secret. Exit code 1 when something does not work.'],
    takes: { config, data, json },
    load: async () => (await import('../doctor/doctor.ts')).doctorCommand,
    startsServers: true,
    commands: [
      command({
        name: 'slack',
        summary: 'check tokens, scopes, channels, groups and people in Slack',
        takes: { config, json },
        load: async () => (await import('../doctor/slack.ts')).doctorSlackCommand,
      }),
    ],
  }),
];
