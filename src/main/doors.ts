import { Hono } from 'hono';
import { policyJsonSchema } from '../config/policy/json-schema.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { freezeOverAnswers } from '../gateway/method/freeze-answers.ts';
import { governMethods } from '../gateway/method/govern-methods.ts';
import { noteUnnamed } from '../gateway/method/note-unnamed.ts';
import { Replays } from '../gateway/replay/replays.ts';
import type { OpenVisits } from '../gateway/state/open-visits.ts';
import { type HttpApp, httpApp } from '../http.ts';
import type { Calls } from '../mcp/calls.ts';
import { type McpDoor, mcpDoor } from '../mcp/door/door.ts';
import type { AccessTokenDoor } from '../mcp/door/entrance.ts';
import type { Records, Revocations } from '../ports.ts';
import type { SlackDoor } from '../slack/door.ts';
import { api } from '../web/api/api.ts';
import { auditApi } from '../web/api/audit-api.ts';
import { oversightFile } from '../web/html/oversight-report.ts';
import { health } from '../web/http/health.ts';
import { metrics } from '../web/http/metrics.ts';
import { policySchemaRoute } from '../web/http/policy-schema.ts';
import { openApiRoute } from '../web/openapi/openapi.ts';
import type { Pages } from './pages.ts';
import type { LiveRules } from './rules/live-rules.ts';
import type { Servers } from './rules/servers.ts';
import { workshopOf } from './rules/workshop.ts';
import type { PublicAddresses, Runtime } from './runtime.ts';

/** What the doors lead to. */
export interface BehindDoors {
  readonly gateway: Gateway;
  readonly calls: Calls;
  readonly rules: LiveRules;
  readonly servers: Servers;
  /** null: no Slack is configured. */
  readonly slack: SlackDoor | null;
  readonly pages: Pages | null;
  readonly records: Records;
  readonly revocations: Revocations;
  readonly visits: OpenVisits;
  readonly accessTokens: AccessTokenDoor;
}

/** All doors of one gateway, as one app. */
export function openDoors(runtime: Runtime, behind: BehindDoors): HttpApp {
  const { loaded, meters, addresses, addressOf } = runtime;
  const { gateway, records, revocations, rules, slack, pages } = behind;
  const { adminToken } = loaded.secrets;
  const agents = agentsDoor(runtime, behind);
  return httpApp({
    mcp: agents.app,
    direct: agents.direct,
    slack: slack?.app ?? new Hono(),
    api: api({
      gateway,
      adminToken,
      addressOf,
      records,
      drawOversight: async (report, now) => String(await oversightFile(report, now)),
      replays: new Replays(gateway, records, workshopOf(rules)),
      grants: { grants: () => rules.loaded.config.grants, records, revocations },
      ...(pages && { loginSessions: pages.sessions, people: pages.people }),
    }),
    console: pages?.console.app ?? null,
    audit: auditApi({
      ...{ gateway, records, adminToken, addressOf },
      ...(pages && { loginSessions: pages.sessions, people: pages.people }),
    }),
    health: health(gateway),
    schema: policySchemaRoute(policyJsonSchema).route('/', openApiRoute()),
    metrics:
      meters === undefined ? null : metrics({ gateway, meters, adminToken, addressOf, hosts: () => addresses().hosts }),
  });
}

function agentsDoor(
  { loaded, addresses, addressOf, alreadySent, log }: Runtime,
  { gateway, calls, rules, servers, visits, accessTokens }: BehindDoors,
): McpDoor {
  return mcpDoor({
    servers: (name) => servers.entry(name),
    authenticate: (token) => {
      const found = rules.authenticate(token);
      if (found.kind !== 'known') return null;
      const { grant, retiring } = found;
      return retiring && grant.retiringSha256 !== null ? { ...grant, tokenSha256: grant.retiringSha256 } : grant;
    },
    accessTokens,
    store: gateway.store,
    vault: gateway.vault,
    calls,
    lateSessions: gateway.lateSessions,
    govern: (caller, messages) => governMethods(gateway, caller, messages),
    freezeOverAnswers: (caller, messages) => freezeOverAnswers(gateway, caller, messages),
    noteUnnamed: (caller, what) => noteUnnamed(gateway, caller, what),
    visits,
    sessionOpenings: () => rules.loaded.config.sessionOpenings,
    beatMs: () => rules.loaded.config.approval.hold.beatMs,
    maxBody: loaded.settings.maxBody,
    hosts: ownHosts(addresses, loaded.settings.agentHosts ?? []),
    publicUrl: () => addresses().publicUrl,
    access: gateway.accessLog,
    addressOf,
    guesses: gateway.agentGuesses,
    ...(alreadySent && { alreadySent }),
    ...(gateway.tracing && { tracing: gateway.tracing }),
    log,
  });
}

/** The hosts under which agents reach us. The same set until our addresses change: it is asked for with each request. */
function ownHosts(addresses: Runtime['addresses'], more: readonly string[]): () => ReadonlySet<string> {
  let made: { readonly of: PublicAddresses; readonly hosts: ReadonlySet<string> } | null = null;
  return () => {
    const of = addresses();
    if (made?.of !== of) made = { of, hosts: new Set([...of.hosts, ...more]) };
    return made.hosts;
  };
}
