import { parseArgs } from 'node:util';
import { faultText } from '../../config/fault.ts';
import { type Loaded, loadConfig } from '../../config/load.ts';
import { type ReadSettings, readSettings } from '../../config/settings.ts';
import { Misuse, type Terminal } from '../../main/process/terminal.ts';
import { fromDisk } from '../start.ts';
import { dataFindings } from './data.ts';
import { databaseFindings } from './database.ts';
import { type DoctorFinding, fault, ok, warn } from './finding.ts';
import { grantFindings } from './grants.ts';
import { nodeFindings, placeFindings, secretFindings } from './place.ts';
import { redisFindings } from './redis.ts';
import { doctorCommand as doctorSlack, slackFaults } from './slack.ts';
import { upstreamFindings } from './upstreams.ts';

const USAGE = 'holdfast doctor [slack] [--config holdfast.yaml] [--data D] [--json]';

/**
 * `doctor`: looks at everything a gateway stands on, changes nothing, and says of each what it means and what to do.
 * 0: it would work, with what is warned about; 1: something does not. Never prints a secret.
 */
export async function doctorCommand(argv: string[], terminal: Terminal): Promise<number> {
  if (argv[0] === 'slack') return doctorSlack(argv, terminal);
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { config: { type: 'string' }, data: { type: 'string' }, json: { type: 'boolean', default: false } },
  });
  if (positionals.length > 0) throw new Misuse(`Use: ${USAGE}`);
  const { config, data } = values;
  const flags = { ...(config === undefined ? {} : { config }), ...(data === undefined ? {} : { data }) };
  const loaded = await loadConfig({ env: terminal.env, flags, readFile: fromDisk });
  const findings = [...nodeFindings(process.versions.node)];
  if (loaded.ok) findings.push(...(await wholeFindings(loaded, terminal.env.PATH ?? '')));
  else {
    findings.push(
      ...loaded.faults.map((one) => fault('config', faultText({ ...one, expected: null }), remedyOf(one.expected))),
    );
    // What does not hang on the file can be looked at all the same.
    const read = readSettings({ env: terminal.env, flags });
    if (read.ok) findings.push(...(await groundFindings(read)));
  }
  report(findings, values.json, terminal);
  return findings.some(({ level }) => level === 'fault') ? 1 : 0;
}

function remedyOf(expected: string | null): string {
  return expected === null ? 'Correct it.' : `Make it ${expected}.`;
}

async function wholeFindings(loaded: Loaded, path: string): Promise<DoctorFinding[]> {
  const { config, policies, settings } = loaded;
  const words = `${config.servers.size} servers, ${policies.size} policies, ${config.grants.length} grants`;
  const [ground, place, servers, slack] = await Promise.all([
    groundFindings(loaded),
    placeFindings(settings),
    upstreamFindings(loaded, path),
    slackFindings(loaded),
  ]);
  return [ok('config', words), ...ground, ...place, ...servers, ...slack, ...grantFindings(loaded, new Date())];
}

/** Secrets, directory, database and Redis. */
async function groundFindings({
  settings,
  secrets,
}: Pick<Extract<ReadSettings, { ok: true }>, 'settings' | 'secrets'>) {
  const { databaseUrl, redisUrl } = secrets;
  const [data, database, redis] = await Promise.all([
    dataFindings(settings.data, databaseUrl === null),
    databaseUrl === null ? [] : databaseFindings(databaseUrl, settings.queue),
    redisUrl === null ? [] : redisFindings(redisUrl),
  ]);
  return [...secretFindings(secrets, databaseUrl === null), ...data, ...database, ...redis];
}

async function slackFindings(loaded: Loaded): Promise<DoctorFinding[]> {
  const about = 'slack';
  if (loaded.secrets.slackBotToken === null) {
    return [
      warn(about, 'not configured: approvals are decided in the console and over the API', 'holdfast init slack'),
    ];
  }
  const faults = await slackFaults(loaded);
  const found = faults.map(({ severity, what, remedy }) => (severity === 'fatal' ? fault : warn)(about, what, remedy));
  return found.length > 0 ? found : [ok(about, `cards go to ${loaded.settings.slack.channel}`)];
}

const MARKS = { ok: '✔', warn: '!', fault: '✖' } as const;

function report(findings: readonly DoctorFinding[], json: boolean, terminal: Terminal): void {
  const faults = findings.filter(({ level }) => level === 'fault').length;
  const warnings = findings.filter(({ level }) => level === 'warn').length;
  if (json) {
    terminal.out(`${JSON.stringify({ ok: faults === 0, findings }, null, 2)}\n`);
    return;
  }
  for (const { level, about, what, remedy } of findings) {
    terminal.out(`${MARKS[level]} ${about}: ${what}\n${remedy === null ? '' : `  → ${remedy}\n`}`);
  }
  terminal.out(`\n${counted(faults, 'fault')}, ${counted(warnings, 'warning')}.\n`);
}

function counted(count: number, what: string): string {
  return `${count === 0 ? 'No' : count} ${what}${count === 1 ? '' : 's'}`;
}
