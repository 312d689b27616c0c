import { existsSync } from 'node:fs';
import { parseDocument } from 'yaml';
import type { ListedServer } from '../../config/client/listed-servers.ts';
import { serverNameFor } from '../../config/client/server-names.ts';
import { isSameEntry, type TakenEntry, type TakenServer, takeServer } from '../../config/client/take-server.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { joined, type Printed, printed } from '../../text/printed.ts';
import type { Asking } from './asking.ts';
import { textOf } from './files.ts';
import { type SetUpPlace, takenVariables } from './place.ts';
import { type ClientSource, userHomeOf } from './source.ts';

/** A server that goes behind Holdfast. */
export interface ChosenServer {
  /** As Holdfast calls it. */
  readonly name: string;
  readonly listed: ListedServer;
  readonly entry: TakenEntry;
  readonly secrets: ReadonlyMap<string, string>;
  readonly environment: readonly string[];
  /** Files whose texts are among its secrets. */
  readonly files: readonly string[];
  /** The config has it already, exactly so. */
  readonly known: boolean;
}

/** A server that stays in the client's file as it is. */
export interface LeftServer {
  readonly listed: ListedServer;
  readonly why: string;
  /** It leads through Holdfast already. */
  readonly already?: boolean;
}

export interface ChosenServers {
  readonly chosen: readonly ChosenServer[];
  readonly left: readonly LeftServer[];
}

/** Takes the servers over one by one; asks for what is missing, and before anything of theirs is run. */
export async function chooseServers(
  source: ClientSource,
  wanted: readonly string[],
  place: SetUpPlace,
  terminal: Terminal,
  asking: Asking,
): Promise<ChosenServers> {
  const chosen: ChosenServer[] = [];
  const left: LeftServer[] = [];
  const variables = new Set(takenVariables(place));
  const inConfig = entriesIn(place);
  const names = new Set(inConfig.keys());
  const answers = new Map<string, string>();
  for (const listed of source.servers) {
    if (wanted.length > 0 && !wanted.includes(listed.name)) {
      left.push({ listed, why: 'was not named with --server' });
      continue;
    }
    const taken = await takeAsking(listed, source, place, { variables, names, answers }, terminal, asking);
    if (taken.kind === 'left') {
      left.push({ listed, ...taken });
      continue;
    }
    const again = knownAs(taken, inConfig, place);
    const name = again ?? taken.name;
    const server = { ...taken, name, listed, known: again !== null };
    if (again === null && !(await agreedToRun(server, place, terminal, asking))) {
      left.push({ listed, why: 'you said no' });
      continue;
    }
    names.add(name);
    for (const variable of taken.secrets.keys()) variables.add(variable);
    chosen.push(server);
  }
  return { chosen, left };
}

type Taken = Extract<TakenServer, { kind: 'taken' }> & { readonly name: string };

type Left = Omit<LeftServer, 'listed'> & { readonly kind: 'left' };

interface Known {
  readonly variables: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly answers: Map<string, string>;
}

async function takeAsking(
  listed: ListedServer,
  source: ClientSource,
  place: SetUpPlace,
  { variables, names, answers }: Known,
  terminal: Terminal,
  asking: Asking,
): Promise<Taken | Left> {
  const project = listed.project ?? source.project;
  // A server that is known exactly so has its own name and secrets; then those are not taken.
  const own = serverNameFor(listed.name, []);
  for (const name of names.has(own) ? [own, serverNameFor(listed.name, names)] : [serverNameFor(listed.name, names)]) {
    const taken = await taking(name, names.has(name) ? new Set() : variables);
    if (taken.kind !== 'taken') return taken;
    if (!names.has(name) || knownAs(taken, entriesIn(place), place) === name) return taken;
  }
  throw new Error(`${listed.name}: no name is free`);

  async function taking(name: string, taken: ReadonlySet<string>): Promise<Taken | Left> {
    for (;;) {
      const result = takeServer(name, listed.node.value, {
        form: source.form,
        env: terminal.env,
        home: userHomeOf(terminal),
        project,
        answers,
        readText: (path) => {
          const read = textOf(path);
          return read.kind === 'read' ? read.text : null;
        },
        isFile: (path) => existsSync(path),
        taken,
        own: ownAddresses(place),
      });
      if (result.kind === 'taken') return { ...result, name };
      if (result.kind === 'left') return result;
      if (result.kind === 'holdfast') return { kind: 'left', why: 'is Holdfast already', already: true };
      for (const { key } of result.needs) {
        const answer = await askFor(key, listed, source, terminal, asking);
        if (answer === null) return { kind: 'left', why: `needs ${shownNeed(key)}, which nobody was asked for here` };
        answers.set(key, answer);
      }
    }
  }
}

async function askFor(
  key: string,
  { name }: ListedServer,
  { inputs }: ClientSource,
  terminal: Terminal,
  asking: Asking,
): Promise<string | null> {
  const input = inputs.find(({ id }) => key === `input:${id}`);
  const what = input?.description ?? shownNeed(key);
  if (input?.standard) {
    const typed = await asking.line(printed`${name} needs: ${what} [${input.standard}]: `);
    return typed === null || typed.trim() === '' ? input.standard : typed.trim();
  }
  terminal.out(printed`${name} needs: ${what}. Leave it empty to keep the server unchanged.\n`);
  const typed = await asking.secret('Value (hidden): ');
  return typed === null || typed.trim() === '' ? null : typed.trim();
}

function shownNeed(key: string): string {
  return key.startsWith('env:') ? `the variable ${key.slice(4)}` : `\${${key}}`;
}

/** Under which name the config has this very server, with the same secrets; null: it has not. */
function knownAs(taken: Taken, inConfig: ReadonlyMap<string, unknown>, { secrets }: SetUpPlace): string | null {
  if (!inConfig.has(taken.name) || !isSameEntry(inConfig.get(taken.name), taken.entry)) return null;
  const same = [...taken.secrets].every(([variable, value]) => {
    const kept = textOf(`${secrets}/${variable}`);
    return kept.kind === 'read' && kept.text === value;
  });
  return same ? taken.name : null;
}

function entriesIn({ existing }: SetUpPlace): ReadonlyMap<string, unknown> {
  const servers = existing === null ? null : (parseDocument(existing.text).toJS() as { servers?: object }).servers;
  return new Map(Object.entries(servers ?? {}));
}

function ownAddresses({ url, listen: { port } }: SetUpPlace): string[] {
  return [url, ...['127.0.0.1', 'localhost', '[::1]'].map((host) => `http://${host}:${port}`)];
}

/** Shows what would be run, secrets as their names, and asks. */
async function agreedToRun(
  { name, listed, entry, secrets, environment, files }: Omit<ChosenServer, 'known'>,
  place: SetUpPlace,
  terminal: Terminal,
  asking: Asking,
): Promise<boolean> {
  const renamed = name === listed.name ? '' : `, ${listed.name} in the file`;
  const runs =
    'url' in entry
      ? `is at ${addressShown(entry.url, secrets)}`
      : `runs ${[entry.command, ...entry.args].map(shownWord).join(' ')}`;
  const folder = 'url' in entry || entry.cwd === null ? '' : ` in ${entry.cwd}`;
  terminal.out(
    printed`\n${name}${renamed}: ${runs}${folder}\n${keptLine([...secrets.keys()], place)}${givenLines(environment, files)}`,
  );
  const question =
    'url' in entry
      ? printed`Connect to it to list its tools, and put it behind Holdfast?`
      : printed`Run this command under your account to list its tools, and put it behind Holdfast?`;
  return asking.agreed(question, true);
}

/** The address; where a part of it may be a credential, only where it leads. */
function addressShown(url: string, secrets: ReadonlyMap<string, string>): string {
  const kept = /^\$\{(\w+)\}$/.exec(url)?.[1];
  const whole = kept === undefined ? undefined : secrets.get(kept);
  return whole !== undefined && URL.canParse(whole) ? `${new URL(whole).origin}/…` : url;
}

function keptLine(variables: readonly string[], { secrets }: SetUpPlace): Printed {
  return variables.length === 0 ? printed`` : printed`  stored in ${secrets}: ${joined(variables, ', ')}\n`;
}

/** What it is given that does not stand in the client's file. */
function givenLines(environment: readonly string[], files: readonly string[]): Printed {
  const row = (from: string, names: readonly string[]): Printed =>
    names.length === 0 ? printed`` : printed`  is given from ${from}: ${joined(names, ', ')}\n`;
  return printed`${row('your environment', environment)}${row('files', files)}`;
}

function shownWord(word: string): string {
  return /^[\w@%+=:,./${}-]+$/.test(word) ? word : JSON.stringify(word);
}
