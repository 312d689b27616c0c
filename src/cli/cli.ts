#!/usr/bin/env -S node --max-semi-space-size=16
import { processTerminal, type Terminal } from '../main/process/terminal.ts';

const USAGE = `holdfast holds an AI agent's dangerous tool calls until a person approves them.

  holdfast start [--config F] [--listen H:P] [--data D] [--public-url U]   run the gateway
  holdfast init slack [--public-url U]             write the Slack app's manifest, and check what is set up
  holdfast doctor [slack] [--config F] [--json]    what is wrong, what it means, and what to do about it
  holdfast demo                                    see a held call approved, denied and limited
  holdfast grant new --name N --server S [--owner U0SAM|none]              make an agent's token
  holdfast scan [--server S] [--write DIR]          see every tool with its risk, and draft policies
  holdfast policy check|explain|test               look at policies before they rule
  holdfast audit list|tail|export|verify|key       read the log, and prove that it is whole
  holdfast backup TARGET [--data D]                copy the embedded database, stopped, and see that it is whole
  holdfast approvals list|show|approve|deny        decide from a terminal (--url, HOLDFAST_ADMIN_TOKEN)
`;

type Command = (argv: string[], terminal: Terminal) => Promise<number>;

/** Loaded when they are called: asking for help should not start a database. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  start: async () => (await import('./start.ts')).startCommand,
  demo: async () => (await import('../main/demo.ts')).demo,
  init: async () => (await import('./init.ts')).initCommand,
  doctor: async () => (await import('./doctor/doctor.ts')).doctorCommand,
  grant: async () => (await import('./grant.ts')).grantCommand,
  scan: async () => (await import('./scan/scan.ts')).scanCommand,
  policy: async () => (await import('./policy/policy.ts')).policyCommand,
  audit: async () => (await import('./audit.ts')).auditCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  approvals: async () => (await import('./approvals.ts')).approvalsCommand,
};

async function main(argv: string[], terminal: Terminal): Promise<number> {
  const [name = 'help', ...rest] = argv;
  if (['help', '--help', '-h'].includes(name)) {
    terminal.out(USAGE);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    terminal.err(`There is no command ${JSON.stringify(name)}.\n\n${USAGE}`);
    return 2;
  }
  return (await command())(rest, terminal);
}

const terminal = processTerminal();

// The HTTP server tells of every stream that a client closes on stdout, which belongs to the commands.
console.info = () => undefined;

// A reader that went away (a closed pipe) is no reason to lose what is under way.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

process.exitCode = await main(process.argv.slice(2), terminal).catch((error: unknown) => {
  const words = error instanceof Error ? error.message : String(error);
  terminal.err(`holdfast: ${words}\n`);
  return 1;
});
