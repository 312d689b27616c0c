import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import { isHttpUrl } from '../../config/server.ts';
import { configPathOf } from '../../config/settings.ts';
import { fromDisk } from '../../main/process/from-disk.ts';
import { secretsOnDisk } from '../../main/process/secret-file.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { terminalSecret } from '../../main/process/terminal-secret.ts';
import { slackManifest } from '../../slack/setup/manifest.ts';
import { joined, type Printed, printed } from '../../text/printed.ts';
import { diagnose } from '../doctor/slack.ts';
import { faultLines } from '../fault-lines.ts';
import { Misuse } from '../parse/misuse.ts';

interface InitSlackOptions {
  readonly publicUrl?: string;
  readonly name: string;
  readonly out: string;
  readonly force: boolean;
  readonly config?: string;
}

/** `init slack`: writes the app's manifest, says what to do with it, and checks what is already set up. */
export async function initSlackCommand(options: InitSlackOptions, terminal: Terminal): Promise<number> {
  const { name, out, force, config } = options;
  if (!/^[\w .-]{1,35}$/.test(name)) throw new Misuse('--name takes at most 35 letters, digits, spaces and _ . -');
  const publicUrl = publicUrlOf(options.publicUrl ?? terminal.env.HOLDFAST_PUBLIC_URL);
  const path = join(terminal.cwd, out);
  if (!(await write(path, slackManifest({ publicUrl, name }), force))) {
    terminal.err(printed`${out} exists and is different. Give --force to replace it, or another name with --out.\n`);
    return 1;
  }
  const botToken = terminalSecret(terminal, 'SLACK_BOT_TOKEN');
  if (botToken === null) {
    terminal.out(printed`${out} is written.\n\n${steps(out, publicUrl, name)}`);
    return 0;
  }
  terminal.out(printed`${out} is written. SLACK_BOT_TOKEN is set, so everything else is checked:\n\n`);
  return check(terminal, config);
}

function publicUrlOf(text: string | undefined): string | null {
  if (!text) return null;
  const url = text.replace(/\/+$/, '');
  if (!isHttpUrl(url)) throw new Misuse('--public-url takes a URL such as https://holdfast.example.com');
  return url;
}

/** False when the file exists with another text, which may be somebody's work. */
async function write(path: string, text: string, force: boolean): Promise<boolean> {
  const existing = await readFile(path, 'utf8').catch(() => null);
  if (existing !== null && existing !== text && !force) return false;
  await writeFile(path, text);
  return true;
}

function steps(file: string, publicUrl: string | null, name: string): Printed {
  const line =
    publicUrl === null
      ? 'Basic Information → App-Level Tokens: make one with connections:write   → SLACK_APP_TOKEN=xapp-…'
      : 'Basic Information → App Credentials → Signing Secret                    → SLACK_SIGNING_SECRET=…';
  const lines = [
    `1. https://api.slack.com/apps → Create New App → From a manifest: paste ${file}.`,
    '2. Install the app to your workspace, then copy into the gateway’s environment:',
    '   OAuth & Permissions → Bot User OAuth Token                              → SLACK_BOT_TOKEN=xoxb-…',
    `   ${line}`,
    `3. Type /invite @${name} in the approvers’ channel, and put the channel’s id (About tab, C…) into holdfast.yaml:`,
    '   slack: { channel: C0123ABC }',
    '   approvers: { security: [U0123ABC, S0123ABC] }     people (profile → Copy member ID) and user groups',
    '4. holdfast doctor slack',
    '',
  ];
  return joined(lines, '\n');
}

async function check(terminal: Terminal, config: string | undefined): Promise<number> {
  const flags = config === undefined ? {} : { config };
  const path = configPathOf(terminal.env, flags);
  const hasConfig = await access(path).then(
    () => true,
    () => false,
  );
  // Without a config, the environment alone is checked.
  const readFile = hasConfig ? fromDisk : async () => new TextEncoder().encode('version: "1"\n');
  const loaded = await loadConfig({
    env: terminal.env,
    flags,
    readFile,
    readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
  });
  if (loaded.ok) return diagnose(loaded, terminal);
  terminal.err(faultLines(loaded.faults));
  return 1;
}
