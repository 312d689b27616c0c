import { faultText } from '../../config/document/fault.ts';
import { type Loaded, loadConfig } from '../../config/load.ts';
import { shownProxies, sparing } from '../../config/proxies.ts';
import { type ReadSettings, readSettings } from '../../config/settings.ts';
import { unsignedCalls } from '../../config/unsigned-calls.ts';
import { fromDisk } from '../../main/process/from-disk.ts';
import { secretsOnDisk } from '../../main/process/secret-file.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { takeWaysOut } from '../../main/process/ways-out.ts';
import { plural } from '../../text/plural.ts';
import { inkedFor, printed, printedJson } from '../../text/printed.ts';
import { decidedWithoutSlack } from '../decided-without-slack.ts';
import { archiveFindings } from './archive.ts';
import { dataFindings } from './data.ts';
import { databaseFindings } from './database.ts';
import { environmentFindings } from './environment.ts';
import { type DoctorFinding, fault, ok, warn } from './finding.ts';
import { addressHere, frozenAtGateway } from './freezes.ts';
import { grantFindings } from './grants.ts';
import { nodeFindings } from './node.ts';
import { oauthFindings } from './oauth.ts';
import { publicUrlFindings } from './public-url.ts';
import { redisFindings } from './redis.ts';
import { secretFindings } from './secrets.ts';
import { slackFaults } from './slack.ts';
import { upstreamFindings } from './upstreams.ts';
import { watchFindings } from './watching.ts';

interface DoctorOptions {
  readonly config?: string;
  readonly data?: string;
  readonly json: boolean;
}

/**
 * `doctor`: checks everything that a gateway depends on, changes nothing, and says what each finding means and what to
 * do about it. 0: the gateway would work, warnings aside; 1: something does not work. Never prints a secret.
 */
export async function doctorCommand({ json, ...flags }: DoctorOptions, terminal: Terminal): Promise<number> {
  const loaded = await loadConfig({
    env: terminal.env,
    flags,
    readFile: fromDisk,
    readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
  });
  const findings = [...nodeFindings(process.versions.node)];
  if (loaded.ok) findings.push(...(await allFindings(loaded, terminal)));
  else {
    findings.push(
      ...loaded.faults.map((wrong) => {
        return fault('config', faultText({ ...wrong, expected: null }), remedyOf(wrong.expected));
      }),
    );
    // What does not depend on the file can still be checked.
    const read = readSettings({
      env: terminal.env,
      readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
      flags,
    });
    if (read.ok) findings.push(...(await storageFindings(read)));
  }
  report(findings, json, terminal);
  return findings.some(({ level }) => level === 'fault') ? 1 : 0;
}

function remedyOf(expected: string | null): string {
  return expected === null ? 'Correct it.' : `Expected: ${expected}.`;
}

async function allFindings(loaded: Loaded, terminal: Terminal): Promise<DoctorFinding[]> {
  const { config, policies, settings } = loaded;
  takeWaysOut(sparing(loaded.secrets.proxies, addressHere(settings.listen), settings.listen.port));
  const counts = `${config.servers.size} ${plural(config.servers.size, 'server')}, ${policies.size} ${policies.size === 1 ? 'policy' : 'policies'}, ${config.grants.length} ${plural(config.grants.length, 'grant')}`;
  const embedded = loaded.secrets.databaseUrl === null;
  const [storage, publicUrl, servers, slack, oauth, frozen, watched, archive] = await Promise.all([
    storageFindings(loaded),
    publicUrlFindings(settings),
    upstreamFindings(loaded, terminal),
    slackFindings(loaded),
    oauthFindings(loaded),
    embedded ? frozenAtGateway(settings) : [],
    watchFindings(loaded, new Date()),
    archiveFindings(loaded, new Date()),
  ]);
  return [
    ok('config', counts),
    ...shownProxies(loaded.secrets.proxies).map((proxy) =>
      ok('ways out', `servers and Slack are reached through ${proxy}`),
    ),
    ...storage,
    ...publicUrl,
    ...servers,
    ...environmentFindings(config),
    ...slack,
    ...oauth,
    ...grantFindings(loaded, new Date()),
    ...unsignedCalls(loaded).map(({ what, remedy }) => warn('signatures', what, remedy)),
    ...frozen,
    ...watched,
    ...archive,
  ];
}

/** Secrets, data directory, database and Redis. */
async function storageFindings({
  settings,
  secrets,
}: Pick<Extract<ReadSettings, { ok: true }>, 'settings' | 'secrets'>) {
  const { databaseUrl, redisUrl } = secrets;
  const [data, database, redis] = await Promise.all([
    dataFindings(settings.data, databaseUrl === null),
    databaseUrl === null ? [] : databaseFindings(databaseUrl, settings.queue, secrets.secrets),
    redisUrl === null ? [] : redisFindings(redisUrl),
  ]);
  return [...secretFindings(secrets, databaseUrl === null), ...data, ...database, ...redis];
}

async function slackFindings(loaded: Loaded): Promise<DoctorFinding[]> {
  const about = 'slack';
  if (loaded.secrets.slackBotToken === null) {
    return [warn(about, `not configured: ${decidedWithoutSlack(loaded)}`, 'holdfast init slack')];
  }
  const faults = await slackFaults(loaded);
  const found = faults.map(({ severity, what, remedy }) => (severity === 'fatal' ? fault : warn)(about, what, remedy));
  return found.length > 0 ? found : [ok(about, `cards go to ${loaded.settings.slack.channel}`)];
}

const MARKS = { ok: '✔', warn: '!', fault: '✖' } as const;
const INKS = { ok: 'green', warn: 'yellow', fault: 'red' } as const;

function report(findings: readonly DoctorFinding[], json: boolean, terminal: Terminal): void {
  const faults = findings.filter(({ level }) => level === 'fault').length;
  const warnings = findings.filter(({ level }) => level === 'warn').length;
  if (json) {
    terminal.out(printed`${printedJson({ ok: faults === 0, findings }, 2)}\n`);
    return;
  }
  for (const { level, about, what, remedy } of findings) {
    terminal.out(printed`${inkedFor(terminal, INKS[level], MARKS[level])} ${about}: ${what}\n`);
    if (remedy !== null) terminal.out(printed`  → ${remedy}\n`);
  }
  terminal.out(printed`\n${counted(faults, 'fault')}, ${counted(warnings, 'warning')}.\n`);
}

function counted(count: number, what: string): string {
  return `${count === 0 ? 'No' : count} ${what}${count === 1 ? '' : 's'}`;
}
