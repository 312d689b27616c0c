import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { faultText } from '../../config/document/fault.ts';
import { newGrant } from '../../config/grants.ts';
import { loadConfig } from '../../config/load.ts';
import { type Prometheus, startPrometheus } from '../../demo/prometheus.ts';
import { type SlackStandIn, startSlackStandIn } from '../../demo/slack/stand-in.ts';
import { type Running, startNode } from '../node.ts';
import { fromDisk } from '../process/from-disk.ts';
import { processLog } from '../process/log.ts';

const POLICY = `version: "1"
default: deny
hide: [delete_workspace]
tools:
  query: { risk: read }
  create_api_key:
    risk: write
    severity: high
    action: require_approval
    reason: Creates a credential that outlives the session.
    limits: [{ counter: create_api_key_rate, window: day, max: 2, scope: grant }]
    approval:
      { approvers: [security], quorum: 1, timeout: 30m, summary: 'Create an API key "{args.name}" with role {args.role}' }
`;

/** Everything the demo runs, each part a real server on loopback. */
export interface Stage {
  readonly slack: SlackStandIn;
  readonly prometheus: Prometheus;
  readonly running: Running;
  /** The agent's token. */
  readonly token: string;
  readonly adminToken: string;
}

/** Starts the demo's servers, with their files in `folder`. What has to be stopped afterwards is added to `undo`. */
export async function setStage(folder: string, undo: (() => Promise<void>)[]): Promise<Stage> {
  const slack = await startSlackStandIn();
  undo.push(() => slack.close());
  const prometheus = await startPrometheus();
  undo.push(() => prometheus.close());
  const grant = newGrant({ name: 'release-bot', servers: ['prometheus'], owner: 'U0SAM' });
  const adminToken = newGrant({ name: 'admin', servers: [], owner: null }).token;
  await writeFile(join(folder, 'prometheus.yaml'), POLICY);
  await writeFile(join(folder, 'holdfast.yaml'), configText(prometheus.url, grant.yaml));
  const loaded = await loadConfig({
    configPath: join(folder, 'holdfast.yaml'),
    readFile: fromDisk,
    env: {
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_DATA: join(folder, 'data'),
      HOLDFAST_ADMIN_TOKEN: adminToken,
      SLACK_BOT_TOKEN: slack.botToken,
      SLACK_SIGNING_SECRET: slack.signingSecret,
      SLACK_API_URL: slack.apiUrl,
    },
  });
  if (!loaded.ok) throw new Error(loaded.faults.map(faultText).join('\n'));
  const running = await startNode(loaded, processLog('error'));
  undo.push(() => running.stop());
  slack.interactivityUrl = `${running.url}/slack/events`;
  return { slack, prometheus, running, token: grant.token, adminToken };
}

function configText(url: string, grantYaml: string): string {
  return `version: "1"
servers:
  prometheus: { url: "${url}", policy: prometheus.yaml }
grants:
${grantYaml}approvers:
  security: [U0MIRA, U0ALEX]
slack: { channel: C0APPROVALS, team: T0MAIN }
`;
}
