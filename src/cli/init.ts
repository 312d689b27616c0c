import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { faultText } from '../config/fault.ts';
import { loadConfig } from '../config/load.ts';
import { isHttpUrl } from '../config/server.ts';
import { configPathOf } from '../config/settings.ts';
import { Misuse, type Terminal } from '../main/process/terminal.ts';
import { slackManifest } from '../slack/setup/manifest.ts';
import { diagnose } from './doctor/slack.ts';
import { fromDisk } from './start.ts';

const USAGE = `holdfast init slack [--public-url https://holdfast.example.com] [--name Holdfast] [--out slack-manifest.yaml] [--force]
  without --public-url (or HOLDFAST_PUBLIC_URL) clicks come over Socket Mode, and no address is needed`;

/** `init slack`: writes the app's manifest, says what to do with it, and checks what is there already. */
export async function initCommand(argv: string[], terminal: Terminal): Promise<number> {
  const [what, ...rest] = argv;
  if (what !== 'slack') throw new Misuse(`Use: ${USAGE}`);
  const { values } = parseArgs({
    args: rest,
    options: {
      config: { type: 'string' },
      'public-url': { type: 'string' },
      name: { type: 'string', default: 'Holdfast' },
      out: { type: 'string', default: 'slack-manifest.yaml' },
      force: { type: 'boolean', default: false },
    },
  });
  if (!/^[\w .-]{1,35}$/.test(values.name))
    throw new Misuse('--name takes at most 35 letters, digits, spaces and _ . -');
  const publicUrl = publicUrlOf(values['public-url'] ?? terminal.env.HOLDFAST_PUBLIC_URL);
  const path = join(terminal.cwd, values.out);
  if (!(await write(path, slackManifest({ publicUrl, name: values.name }), values.force))) {
    terminal.err(`${values.out} exists and is different. Give --force to replace it, or --out another name.\n`);
    return 1;
  }
  const botToken = terminal.env.SLACK_BOT_TOKEN;
  if (!botToken) {
    terminal.out(`${values.out} is written.\n\n${steps(values.out, publicUrl, values.name)}`);
    return 0;
  }
  terminal.out(`${values.out} is written. SLACK_BOT_TOKEN is set, so everything else is checked:\n\n`);
  return check(terminal, values.config);
}

function publicUrlOf(text: string | undefined): string | null {
  if (!text) return null;
  const url = text.replace(/\/+$/, '');
  if (!isHttpUrl(url)) throw new Misuse('--public-url takes a URL such as https://holdfast.example.com');
  return url;
}

/** False: there is another text already, which may be somebody's work. */
async function write(path: string, text: string, force: boolean): Promise<boolean> {
  const there = await readFile(path, 'utf8').catch(() => null);
  if (there !== null && there !== text && !force) return false;
  await writeFile(path, text);
  return true;
}

function steps(file: string, publicUrl: string | null, name: string): string {
  const line =
    publicUrl === null
      ? 'Basic Information → App-Level Tokens: make one with connections:write   → SLACK_APP_TOKEN=xapp-…'
      : 'Basic Information → App Credentials → Signing Secret                    → SLACK_SIGNING_SECRET=…';
  return [
    `1. https://api.slack.com/apps → Create New App → From a manifest: paste ${file}.`,
    '2. Install the app to your workspace, then copy into the gateway’s environment:',
    '   OAuth & Permissions → Bot User OAuth Token                              → SLACK_BOT_TOKEN=xoxb-…',
    `   ${line}`,
    `3. Type /invite @${name} in the approvers’ channel, and put the channel’s id (About tab, C…) into holdfast.yaml:`,
    '   slack: { channel: C0123ABC }',
    '   approvers: { security: [U0123ABC, S0123ABC] }     people (profile → Copy member ID) and user groups',
    '4. holdfast doctor slack',
    '',
  ].join('\n');
}

async function check(terminal: Terminal, config: string | undefined): Promise<number> {
  const flags = config === undefined ? {} : { config };
  const path = configPathOf(terminal.env, flags);
  const there = await access(path).then(
    () => true,
    () => false,
  );
  // Before there is a config, the environment alone says what it says.
  const readFile = there ? fromDisk : async () => new TextEncoder().encode('version: "1"\n');
  const loaded = await loadConfig({ env: terminal.env, flags, readFile });
  if (loaded.ok) return diagnose(loaded, terminal);
  terminal.err(`${loaded.faults.map(faultText).join('\n')}\n`);
  return 1;
}
