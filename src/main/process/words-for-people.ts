import type { ServerConfig } from '../../config/config.ts';
import type { Loaded } from '../../config/load.ts';
import type { EventType } from '../../domain/log/event.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import type { EventMeter } from '../../gateway/ports.ts';
import type { ServerFailure } from '../../mcp/stdio/sessions.ts';
import type { Log } from '../../ports.ts';
import { cut } from '../../text/cut.ts';
import { scrub } from './scrub.ts';

/** Characters of what a server said, of its command, and words of it. */
const LONGEST_SAID = 300;
const LONGEST_COMMAND = 120;
const COMMAND_WORDS = 4;

/**
 * Tells whoever sits at the terminal of a server that failed. What it wrote last is shown there and nowhere else: a log is
 * kept, and the text may hold secrets. Those of its `env` are removed.
 */
export function tellFailure(log: Log, { name, upstream }: ServerConfig, failure: ServerFailure): void {
  if (upstream.kind !== 'stdio') return;
  const secrets = Object.values(upstream.env).filter((value) => value.length >= 4);
  const clean = (text: string): string => {
    const known = secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text);
    return String((scrub({ text: known }) as { text: string }).text);
  };
  const words =
    upstream.command.length > COMMAND_WORDS ? [...upstream.command.slice(0, COMMAND_WORDS), '…'] : upstream.command;
  const command = cut(clean(words.join(' ')), LONGEST_COMMAND);
  const said =
    failure.said === ''
      ? 'It wrote nothing to standard error.'
      : `Its last output: ${cut(clean(failure.said), LONGEST_SAID)}`;
  log.error({}, `server ${name} ${endOf(failure)}: ${command}. ${said} ${remedyOf(failure, name)}`);
}

function endOf({ code, signal, answered }: ServerFailure): string {
  if (typeof code === 'string') return `could not be started (${code})`;
  const how = signal === null ? `with exit code ${String(code)}` : `by ${signal}`;
  return answered ? `ended by itself, ${how}` : `ended before it answered, ${how}`;
}

function remedyOf({ code, answered }: ServerFailure, name: string): string {
  if (code === 'ENOENT')
    return 'Install the program, or give its full path under command. If cwd is set, it must exist.';
  if (answered) return `Its sessions have ended; agents have to start new ones.`;
  return `Run holdfast doctor for details, or run the command by hand with the env and cwd of servers.${name}.`;
}

/** Tells whoever sits at the terminal which calls wait for a person, and what became of them. `program`: see `calledAs`. */
export function tellCalls(
  log: Log,
  { config, secrets, settings }: Pick<Loaded, 'config' | 'secrets' | 'settings'>,
  program: string,
): EventMeter {
  const slack = secrets.slackBotToken === null ? [] : [`in Slack (${String(settings.slack.channel)})`];
  const isOpen = secrets.adminToken !== null || Boolean(config.oidc);
  const asked = urlFor(settings.listen);
  return ({ type, approval, grant, server, tool }) => {
    if (approval === null) return;
    const call = `${String(server)}.${String(tool)}`;
    const end = ENDS[type];
    if (end !== undefined) log.info({}, `${call} for ${grantNameOf(String(grant))} ${end} (${approval})`);
    if (type !== 'approval.requested') return;
    const places = [
      ...slack,
      ...(isOpen ? ['in the console', `with: ${program} approvals approve ${approval}${asked}`] : []),
    ];
    const where = places.length === 0 ? `Nobody can decide here (${approval}).` : `Decide ${places.join(', or ')}`;
    log.info({}, `${grantNameOf(String(grant))} is waiting for approval of ${call}. ${where}`);
  };
}

/** Commands ask at the usual address, whatever the config says: another one has to be given. */
function urlFor({ host, port }: Loaded['settings']['listen']): string {
  const isHere = ['127.0.0.1', 'localhost', '0.0.0.0'].includes(host);
  if (port === 0 || (port === 8787 && isHere)) return '';
  const name = isHere ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return ` --url http://${name}:${port}`;
}

const ENDS: { readonly [type in EventType]?: string } = {
  'call.succeeded': 'ran',
  'call.failed': 'ran, and the server reported a failure',
  'call.unknown': 'was sent, but it is unknown whether it ran',
  'approval.expired': 'expired without a decision and did not run',
};
