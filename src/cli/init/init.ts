import { join, relative } from 'node:path';
import { calledAs } from '../../main/process/called-as.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { plural } from '../../text/plural.ts';
import { joined, type Printed, printed } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';
import { startCommand } from '../start.ts';
import { type Asking, askingAt } from './asking.ts';
import { clientTextFor, keepCopy, replaceClientFile } from './client-file.ts';
import { type ClientGrant, grantFor } from './grant.ts';
import { isMadeHere } from './made-here.ts';
import { openKept, type SetUpPlace, setUpPlace } from './place.ts';
import { scanServers } from './scan.ts';
import { type ClientSource, clientSource } from './source.ts';
import { type ChosenServer, chooseServers, type LeftServer } from './take.ts';
import { undoInit } from './undo.ts';
import { setUpFor, writeSetUp } from './write.ts';

export interface InitOptions {
  readonly from?: string;
  readonly client?: string;
  readonly dir: string;
  readonly server: readonly string[];
  readonly listen?: string;
  readonly write: boolean;
  readonly yes: boolean;
  readonly noStart: boolean;
  readonly undo: boolean;
  readonly force: boolean;
}

/**
 * `init`: puts the servers of one client behind a gateway in this folder, and starts it. Nothing is changed before the last
 * question is answered, and no file of anybody's is replaced without a backup. 0: done; 1: no server could be taken.
 */
export async function initCommand(options: InitOptions, terminal: Terminal): Promise<number> {
  if (options.undo) return undoInit(options.dir, options.force, terminal);
  if (options.force) throw new Misuse('--force goes with --undo');
  if (options.write && options.from === undefined && options.yes) throw new Misuse('--write with --yes needs --from');
  const asking = askingAt(terminal, options.yes);
  const place = await setUpPlace(options.dir, options.listen, terminal);
  if (!isMadeHere(place.kept) && !(await believesKept(place, terminal, asking))) return 1;
  const source = await clientSource(options, terminal, asking);
  const unknown = options.server.find((name) => !source.servers.some((each) => each.name === name));
  if (unknown !== undefined) throw new Misuse(`no server ${unknown} in ${source.file?.path ?? 'what was typed'}`);
  terminal.out(
    printed`${source.file === null ? 'One server' : `${source.servers.length} ${plural(source.servers.length, 'server')} in ${source.file.path}`}, for ${source.form.title}.\n`,
  );
  const taken = await chooseServers(source, options.server, place, terminal, asking);
  const known = taken.chosen.filter((server) => server.known);
  const { scanned, left } = await scanServers(
    taken.chosen.filter((server) => !server.known),
    place,
    terminal,
    asking,
  );
  const chosen = [...known, ...scanned.map(({ server }) => server)];
  terminal.out(leftLines([...taken.left, ...left], source));
  if (chosen.length === 0) {
    const all = [...taken.left, ...left];
    if (all.length > 0 && all.every(({ already }) => already)) {
      terminal.out(printed`\nEvery server in this file is already behind Holdfast. Nothing was changed.\n`);
      return 0;
    }
    terminal.err(printed`No server was put behind Holdfast, and nothing was changed.\n`);
    return 1;
  }
  const { existing, configPath } = place;
  const added = printed`\nAdd ${scanned.length} ${plural(scanned.length, 'server')} and a grant to ${configPath}?`;
  if (existing !== null && !(await asking.agreed(added, true))) return 1;
  const grant = grantFor(source.form.name === 'mcp' ? 'agent' : source.form.name, place);
  const names = chosen.map(({ name }) => name);
  const setUp = setUpFor(place, scanned, names, grant, terminal);
  const clientText = clientTextFor(source, chosen, place, grant);
  writeSetUp(place, setUp, grant);
  openKept(place);
  terminal.out(writtenLines(place, grant, [...setUp.policies.keys()], chosen));
  await toClient(source, clientText, place, options, terminal, asking);
  terminal.out(printed`${warning(calledAs(terminal.env))}${otherAddress(place)}`);
  return next(place, options, terminal);
}

/** Whether somebody at the terminal says that the private folder is theirs. */
async function believesKept({ kept, secrets }: SetUpPlace, terminal: Terminal, asking: Asking): Promise<boolean> {
  terminal.out(
    printed`${kept} was not made by init on this machine: it was copied, or came with other files. Its tokens and secrets (${secrets}) would be used, and whoever made it may know them.\n`,
  );
  if (await asking.agreed(printed`Use it all the same?`, false, false)) return true;
  terminal.err(printed`Nothing was changed. Move ${kept} away, and init makes a new one.\n`);
  return false;
}

function leftLines(left: readonly LeftServer[], { otherProjects }: ClientSource): Printed {
  const lines = [
    ...left.map(({ listed, why }) => printed`  ${listed.name}: ${why}\n`),
    ...otherProjects.map((project) => printed`  the servers of ${project}: run this command in that folder\n`),
  ];
  return lines.length === 0 ? printed`` : printed`\nLeft unchanged:\n${joined(lines, '')}`;
}

function writtenLines(
  { folder, configPath, secrets }: SetUpPlace,
  grant: ClientGrant,
  policies: readonly string[],
  chosen: readonly ChosenServer[],
): Printed {
  const environment = [...new Set(chosen.flatMap((server) => server.environment))];
  const rows = [
    printed`  ${configPath}\n`,
    ...policies.map(
      (path) => printed`  ${join(folder, path)}: what is allowed and what needs approval; please review it\n`,
    ),
    printed`  ${secrets}: secrets and the console's token, one per file, readable only by you\n`,
    printed`  ${grant.path}: the token of the grant ${grant.name}\n`,
    ...(environment.length === 0
      ? []
      : [printed`  Not stored: ${environment.join(', ')}. Holdfast reads them from the environment at each start.\n`]),
  ];
  return printed`\nWritten:\n${joined(rows, '')}`;
}

/** Keeps the changed copy, and puts it in the place of the client's file if that is wanted. */
async function toClient(
  source: ClientSource,
  text: string,
  place: SetUpPlace,
  { write, yes }: InitOptions,
  terminal: Terminal,
  asking: Asking,
): Promise<void> {
  const { file, form } = source;
  const copy = keepCopy(place, source, text);
  const wanted =
    file !== null &&
    file.text !== text &&
    (write || (!yes && (await asking.agreed(printed`\nReplace ${file.path} now? A backup is kept.`, true))));
  if (!wanted) {
    terminal.out(
      printed`\nThe file for ${form.title}: ${copy}${file === null ? '' : printed`. Put it in place of ${file.path}, or run init again with --write`}\n`,
    );
    return;
  }
  const { backup } = replaceClientFile(place, source, text, copy);
  terminal.out(
    printed`\n${file.path} now goes through Holdfast. It contains the grant's token, so only you can read it. Keep it out of git.\n  Backup: ${backup}\n  Undo:   ${calledAs(terminal.env)} init --undo${dirOption(place, terminal)}\n  ${form.again}\n`,
  );
}

function warning(program: string): Printed {
  return printed`
An agent that runs under your user account can read the console's token, just
as you can, and approve its own calls. To prevent this, have people approve in
Slack (${program} init slack), or run the agent as another user or in a
sandbox. To give a server that is a command its own user or sandbox, set run_as
or sandbox in the config.
`;
}

/** Commands do not take the address from the config, which somebody else may have written. */
function otherAddress({ listen: { host, port }, url }: SetUpPlace): Printed {
  if (port === 8787) return printed``;
  const name = host.includes(':') ? `[${host}]` : host;
  return printed`
Commands that ask a gateway, such as approvals list, ask at port 8787. For this
one give them --url ${url}, or set HOLDFAST_LISTEN=${name}:${port}.
`;
}

function dirOption({ folder }: SetUpPlace, { cwd }: Terminal): string {
  const dir = relative(cwd, folder);
  return dir === '' ? '' : ` --dir ${dir}`;
}

/** Starts the gateway, or says how. */
async function next(place: SetUpPlace, { noStart }: InitOptions, terminal: Terminal): Promise<number> {
  const { folder, busy, url, existing } = place;
  const inFolder = folder === terminal.cwd ? '' : `cd ${folder} && `;
  if (noStart || busy) {
    const running =
      existing === null
        ? `Something else listens at ${url}. `
        : `If the program that listens at ${url} is this gateway, it loads the changes by itself. `;
    terminal.out(printed`\n${busy ? running : ''}Start it: ${inFolder}${calledAs(terminal.env)} start\n`);
    return 0;
  }
  terminal.out(printed`\nStarting. Press Ctrl-C to stop. Next time: ${inFolder}${calledAs(terminal.env)} start\n`);
  // As if it was started there: paths of servers and data are from that folder.
  process.chdir(folder);
  return startCommand({ config: 'holdfast.yaml', allowUndecidable: false }, { ...terminal, cwd: folder });
}
