import { spawn } from 'node:child_process';
import type { Config, ServerConfig, StdioUpstream } from '../../config/config.ts';
import { NotConfined } from './bubblewrap.ts';
import { confinedProgram } from './confine.ts';
import { type Guarded, liesIn, realPath } from './guarded.ts';

/** What is wrong with how a server is confined, in words for whoever runs the gateway. */
export interface ConfinementFault {
  readonly server: string;
  readonly what: string;
  /** It is accepted, and said loudly: the server could read the config, which need not hold any credential. */
  readonly warning: boolean;
}

/** `servers.files: …`, a line. */
export const confinementText = ({ server, what }: ConfinementFault): string => `servers.${server}: ${what}`;

/** Milliseconds that the trial of one server may take. */
const TRIAL_MS = 10_000;
/** The most that is kept of what a trial says, in UTF-16 units. */
const MOST_SAID = 2_000;

type Environment = Readonly<Record<string, string | undefined>>;
type StdioServer = ServerConfig & { readonly upstream: StdioUpstream };

/**
 * Tries each server's confinement with a shell in the place of its program: whether this gateway may do it, whether the
 * program is found inside, and whether what is guarded is out of reach. Nothing falls back: a fault is for the start, or
 * the reload, to fail with.
 */
export async function confinementFaults(
  config: Config,
  guarded: Guarded,
  own: Environment,
): Promise<ConfinementFault[]> {
  const confined = stdioServers(config).filter(({ upstream }) => upstream.runAs !== null || upstream.sandbox !== null);
  const tried = await Promise.all(confined.map((server) => tryOut(server, guarded, own)));
  return [...tried.flat(), ...replaceable(stdioServers(config))];
}

/** What it means to be one of `unconfinedServers`. */
export const UNCONFINED =
  'runs as the gateway’s own user without a sandbox, so it can read the gateway’s data directory, secret and memory, and ' +
  'approve its own calls';

/** The stdio servers that run as the gateway's own user and outside a sandbox. */
export function unconfinedServers(config: Pick<Config, 'servers'>): string[] {
  return stdioServers(config)
    .filter(({ upstream }) => upstream.runAs === null && upstream.sandbox === null)
    .map(({ name }) => name);
}

function stdioServers(config: Pick<Config, 'servers'>): StdioServer[] {
  return [...config.servers.values()].filter((server): server is StdioServer => server.upstream.kind === 'stdio');
}

async function tryOut(
  { name, upstream }: StdioServer,
  guarded: Guarded,
  own: Environment,
): Promise<ConfinementFault[]> {
  const fault = (what: string): ConfinementFault => ({ server: name, what, warning: false });
  try {
    const [program] = upstream.command;
    const places = [
      ...guarded.folders.map((path) => `${upstream.sandbox === null ? 'enter' : 'list'} ${path}`),
      ...[guarded.config, ...guarded.secrets].map((path) => `read ${path}`),
      ...guarded.unwritten.map((path) => `write ${path}`),
    ];
    const trial = confinedProgram(
      { ...upstream, command: ['/bin/sh', '-c', TRIAL, 'sh', program, ...places] },
      guarded,
      own,
    );
    const { code, out, err } = await run(trial.command, trial.env, trial.cwd ?? '/');
    if (code !== 0 || !out.endsWith('done\n')) {
      return [fault(`it cannot be confined here: ${err.trim().split('\n').at(-1) || `ended with ${code}`}. ${REMEDY}`)];
    }
    return out
      .split('\n')
      .slice(0, -2)
      .map((line) => ({ ...fault(worded(line, upstream)), warning: line === `read ${guarded.config}` }));
  } catch (error) {
    if (error instanceof NotConfined) return [fault(error.message)];
    throw error;
  }
}

const REMEDY =
  'run_as needs a gateway that is root, or has CAP_SETUID, CAP_SETGID, CAP_SETPCAP and CAP_KILL; a sandbox needs root, or namespaces ' +
  'for users without privilege. Where neither is allowed, run the server elsewhere and reach it over HTTP (docs/operations.md)';

/** Says what is wrong, a line each, and `done`. `$1`: the program; then what must not be possible: `read /a path`. */
const TRIAL = `command -v "$1" >/dev/null 2>&1 || echo program
shift
for place do
  path=\${place#* }
  case $place in
    enter*) if [ -r "$path" ] || [ -x "$path" ]; then echo "$place"; fi ;;
    list*) if [ -n "$(ls -A "$path" 2>/dev/null)" ]; then echo "$place"; fi ;;
    read*) if [ -s "$path" ] && [ -r "$path" ]; then echo "$place"; fi ;;
    write*) if [ -w "$path" ] && [ ! -c "$path" ]; then echo "$place"; fi ;;
  esac
done
echo done`;

function worded(line: string, { command, runAs, sandbox }: StdioUpstream): string {
  if (line === 'program') {
    return sandbox === null
      ? `${runAs} finds no program ${command[0]}, or may not run it`
      : `there is no program ${command[0]} in its sandbox: list its folder under paths, such as /srv/server:ro`;
  }
  const [may, path] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)];
  return `it could ${may} ${path}: ${may === 'enter' || may === 'list' ? 'chmod 700' : may === 'read' ? 'chmod 600' : 'chmod go-w'} ${path}`;
}

function run(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  cwd: string,
): Promise<{ code: number | null; out: string; err: string }> {
  const [file = '', ...words] = command;
  return new Promise((resolve) => {
    const child = spawn(file, words, {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TRIAL_MS,
      killSignal: 'SIGKILL',
    });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err = (err + text).slice(-MOST_SAID);
    });
    child.on('error', (error) => resolve({ code: null, out, err: error.message }));
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

/** A path that another server may replace by a link could lead anywhere by the time its sandbox is made. */
function replaceable(servers: readonly StdioServer[]): ConfinementFault[] {
  const listed = servers.flatMap(({ name, upstream: { sandbox, cwd } }) => [
    ...(sandbox?.paths ?? []).map((each) => ({ name, ...each })),
    ...(sandbox !== null && cwd !== null ? [{ name, path: cwd, writable: true }] : []),
  ]);
  return listed.flatMap(({ name, path }) => {
    const other = listed.find(
      (each) =>
        each.name !== name &&
        each.writable &&
        realPath(path) !== realPath(each.path) &&
        liesIn(realPath(path), realPath(each.path)),
    );
    return other === undefined
      ? []
      : [
          {
            server: name,
            warning: false,
            what: `${path} lies in ${other.path}, where ${other.name} could replace it; list ${other.path}:ro there, or move one`,
          },
        ];
  });
}
