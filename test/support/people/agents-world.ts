import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenDigest } from '../../../src/config/grants.ts';
import { type GatewayProcess, type House, type HouseOptions, openHouse } from '../gateway/program.ts';
import { freePort } from '../port.ts';
import { type CountingUpstream, countingUpstream } from '../upstream/counting.ts';
import { type AgentProvider, agentProvider } from './agent-provider.ts';

export const AUDIENCE = 'https://holdfast.example.com';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  burst: { limits: [{ counter: burst, window: day, max: 2, scope: grant }] }
  create_key: { action: require_approval }
  charge: { action: require_approval, approval: { allowance: { max_minutes: 15, max_calls: 5 } } }
`;

/** A grant's own token, which somebody made to look like a signed one. */
export const LOOKS_SIGNED = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJtaXJhIn0.a-static-token';

export const AGENTS_PEOPLE = `people:
  mira: { slack: U0MIRA, login: mira, roles: [approver] }
  olga: { login: olga, roles: [approver] }
  paul: { slack: U0PAUL, oauth_subject: "opaque|7", roles: [] }
  ops: { login: ops, admin_token: true, roles: [approver] }
`;

/** A gateway whose agents come with access tokens of a provider that a test controls. */
export interface AgentsWorld {
  readonly url: string;
  readonly provider: AgentProvider;
  readonly upstream: CountingUpstream;
  readonly house: House;
  readonly gateway: GatewayProcess;
  /** Changes the config file, which the gateway reads again within a second. */
  reconfigure(change: (text: string) => string): void;
  close(): Promise<void>;
}

export async function agentsWorld(
  options: {
    /** More members of `oauth`. */
    readonly oauth?: string;
    readonly people?: string;
    readonly config?: string;
    readonly house?: Partial<HouseOptions>;
    /** Under `oauth.grants`, as flow YAML. */
    readonly grants?: string;
    readonly issuer?: string;
    /** More servers, by name: `url: …` or `command: …`. */
    readonly servers?: Readonly<Record<string, string>>;
  } = {},
): Promise<AgentsWorld> {
  const [upstream, provider, port] = [await countingUpstream(), await agentProvider(AUDIENCE), await freePort()];
  const at = `url: "${upstream.url}"`;
  const more = Object.entries(options.servers ?? {}).map(([name, where]) => [name, { at: where, policy: POLICY }]);
  const servers = { tools: { at, policy: POLICY }, other: { at, policy: POLICY }, ...Object.fromEntries(more) };
  const house = await openHouse({
    servers,
    approval: '{ timeout: 10m, hold: { default: 500ms, progress: 60s } }',
    ...options.house,
  });
  const file = join(house.folder, 'holdfast.yaml');
  const people = `  - { name: people, servers: [${Object.keys(servers).join(', ')}], owner: none }\n  - { name: admins, servers: [tools], owner: none }\n`;
  const looksSigned = `  - { name: static, servers: [tools], owner: none, token_sha256: ${tokenDigest(LOOKS_SIGNED)} }\n`;
  const grants =
    options.grants ??
    '[{ claim: groups, equals: engineers, grant: people }, { claim: realm_access.roles, equals: admin, grant: admins }]';
  // Each source has as many wrong tokens as it may, so a test has as many sources as it wants.
  const proxies = 'trusted_proxies: [127.0.0.1]\n';
  const text = readFileSync(file, 'utf8').replace('grants:\n', `grants:\n${people}${looksSigned}`);
  const oauth = `oauth: { issuer: "${options.issuer ?? provider.issuer}", audience: "${AUDIENCE}", grants: ${grants}${options.oauth ?? ''} }\n`;
  writeFileSync(file, `${text}${options.people ?? AGENTS_PEOPLE}${oauth}${proxies}${options.config ?? ''}`);
  const gateway = await house.start({ env: { HOLDFAST_LISTEN: `127.0.0.1:${port}` } });
  return {
    ...{ url: gateway.url, provider, upstream, house, gateway },
    reconfigure: (change) => writeFileSync(file, change(readFileSync(file, 'utf8'))),
    close: async () => {
      await house.close();
      await provider.close();
      await upstream.close();
    },
  };
}
