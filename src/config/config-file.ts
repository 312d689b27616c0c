import { dirname } from 'node:path';
import { isObject } from '../domain/json/json.ts';
import { OVERSIGHT_TERMS, type OversightTerms } from '../domain/log/oversight.ts';
import {
  APPROVAL_DEFAULTS,
  type ApprovalDefaults,
  type ApproverGroup,
  type Config,
  DEFAULT_OPERATORS,
  type Grant,
  type HoldDefaults,
  type SampleSettings,
  SESSION_CHILDREN,
  SESSION_OPENINGS,
} from './config.ts';
import { ConfigShape, GrantShape } from './config-schema.ts';
import { type Format, readDocument } from './document/document.ts';
import { durationMs } from './document/duration.ts';
import type { Fault } from './document/fault.ts';
import { parseInstant } from './document/instant.ts';
import { openingRate } from './document/opening-rate.ts';
import { checkShape, FaultList, isNow } from './document/shape.ts';
import type { Environment, ReportFault } from './environment.ts';
import { isTriedFirst, tokenlessDigest } from './grants.ts';
import { approversOf, knownGroups } from './groups.ts';
import type { NameSource } from './interpolate.ts';
import { oauthOf } from './oauth.ts';
import { oidcOf } from './oidc.ts';
import { ownerOf, peopleOf } from './people.ts';
import { compileQuiet } from './quiet-hours.ts';
import { approvalsRetainOf, retentionOf } from './retention.ts';
import type { ReadSecretFile } from './secret-from.ts';
import { inFolder, serversOf } from './server.ts';
import { slackOf } from './slack.ts';
import { standInsIn } from './stand-ins.ts';

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Parses `holdfast.yaml`. `env` and the files that it names fill in `${NAME}`; null leaves the names as they are. Reports
 * all faults at once, each with its line and path; `warn` gets what is accepted and dangerous.
 */
export function parseConfig(
  text: string,
  from: {
    readonly path: string;
    readonly env: Environment | null;
    readonly readSecret?: ReadSecretFile | undefined;
    readonly format?: Format;
    readonly warn?: ReportFault;
    /** By which a stand-in is over; absent: this machine's clock. */
    readonly now?: Date;
  },
): ParsedConfig {
  const read = readDocument(text, from.path, from.format);
  if (!read.ok) return read;
  const faults = new FaultList(read.document);
  const raw = isObject(read.document.value) ? read.document.value : {};
  const shape = checkShape(ConfigShape, read.document.value, [], faults);
  const { env, readSecret, warn = () => undefined } = from;
  const variables = new Set<string>();
  const secrets = typeof raw.secrets === 'string' ? inFolder(dirname(from.path), raw.secrets) : null;
  const names: NameSource | null =
    env === null ? null : { env, readSecret, folder: secrets, warn, used: (name) => variables.add(name) };
  const servers = serversOf(raw.servers, { names, folder: dirname(from.path), faults });
  const people = peopleOf(raw.people, faults);
  const oidc = oidcOf(raw.oidc, faults);
  const approvers = approversOf(raw.approvers, people, faults);
  const standIns = standInsIn(raw.stand_ins, { people, groups: approvers, now: from.now ?? new Date(), warn, faults });
  const grants = grantsOf(Array.isArray(raw.grants) ? raw.grants : [], raw.servers, people, faults);
  const oauth = oauthOf(raw.oauth, grants, oidc, faults);
  const slack = slackOf(shape?.slack, [...servers.keys()], faults);
  const approval = approvalOf(shape?.approval, approvers, people, faults);
  const samples = samplesOf(shape?.audit, faults);
  const approvalsRetainMs = approvalsRetainOf(shape?.approvals, faults);
  const retention = retentionOf(shape?.audit, dirname(from.path), faults);
  const sessionOpenings = openingRate(shape?.sessions?.openings, ['sessions', 'openings'], faults) ?? SESSION_OPENINGS;
  if (shape === null || faults.list.length > 0) return { ok: false, faults: faults.list };
  return {
    ok: true,
    config: {
      servers,
      grants,
      approvers,
      ...(standIns.length > 0 && { standIns }),
      people,
      oidc,
      oauth,
      slack,
      approval,
      ...(shape.oversight === undefined ? {} : { oversight: oversightOf(shape.oversight) }),
      operators: shape.operators ?? DEFAULT_OPERATORS,
      ...(samples !== null && { samples }),
      ...(shape.audit?.erasable === true && { erasable: true }),
      ...(retention !== null && { retention }),
      ...(approvalsRetainMs !== null && { approvalsRetainMs }),
      sessionOpenings,
      sessionChildren: shape.sessions?.children ?? SESSION_CHILDREN,
      variables,
      file: {
        listen: shape.listen ?? null,
        publicUrl: shape.public_url ?? null,
        data: shape.data ?? null,
        maxBody: shape.max_body ?? null,
        trustedProxies: shape.trusted_proxies ?? null,
        agentHosts: shape.agent_hosts ?? null,
        ...(secrets !== null && { secrets }),
      },
    },
  };
}

function oversightOf({ fast, approved, least, days }: NonNullable<ConfigShape['oversight']>): OversightTerms {
  return {
    fastShare: fast ?? OVERSIGHT_TERMS.fastShare,
    approvedShare: approved ?? OVERSIGHT_TERMS.approvedShare,
    least: least ?? OVERSIGHT_TERMS.least,
    days: days ?? OVERSIGHT_TERMS.days,
  };
}

const NEW_TOKEN = 'the digest of a random one: holdfast grant new';

function grantsOf(entries: readonly unknown[], servers: unknown, people: Config['people'], faults: FaultList): Grant[] {
  const grants: Grant[] = [];
  const seen = new Set<string>();
  const refuseTwice = (value: string, at: readonly (string | number)[], what: string): void => {
    if (seen.has(`${what} ${value}`)) faults.add(at, `another grant has the same ${what}`, `its own ${what}`);
    seen.add(`${what} ${value}`);
  };
  for (const [index, entry] of entries.entries()) {
    const at = ['grants', index];
    const shape = checkShape(GrantShape, entry, at, faults);
    if (shape === null) continue;
    refuseTwice(shape.name, [...at, 'name'], 'name');
    for (const digest of tokensOf(shape)) {
      refuseTwice(digest, [...at, 'token_sha256'], 'token');
      if (isTriedFirst(digest, shape.name))
        faults.add([...at, 'token_sha256'], 'is the digest of a token that is easy to guess', NEW_TOKEN);
    }
    for (const [place, server] of shape.servers.entries()) {
      const known = isObject(servers) ? Object.keys(servers) : [];
      if (!known.includes(server))
        faults.add([...at, 'servers', place], isNow(server), `one of the servers: ${known.join(', ')}`);
    }
    grants.push(grantOf(shape, index, people, faults));
  }
  return grants;
}

function grantOf(shape: GrantShape, index: number, people: Config['people'], faults: FaultList): Grant {
  const expires = shape.expires === undefined ? null : parseInstant(shape.expires);
  if (expires === undefined) {
    faults.add(
      ['grants', index, 'expires'],
      isNow(shape.expires),
      'a date such as 2027-01-31, or 2027-01-31T12:00:00Z',
    );
  }
  const [tokenSha256 = tokenlessDigest(shape.name), retiringSha256 = null] = tokensOf(shape);
  return {
    name: shape.name,
    tokenSha256,
    ...(shape.token_sha256 === undefined && { tokenless: true }),
    retiringSha256,
    servers: shape.servers,
    owner: ownerOf(shape.owner, ['grants', index, 'owner'], people, faults),
    selfApproval: shape.self_approval ?? false,
    expires: expires ?? null,
  };
}

/** Digests of the grant's tokens, newest first; empty: it has none. */
function tokensOf({ token_sha256: digests }: GrantShape): string[] {
  if (digests === undefined) return [];
  if (typeof digests === 'string') return [digests.toLowerCase()];
  return [digests[0].toLowerCase(), digests[1].toLowerCase()];
}

function approvalOf(
  shape: ConfigShape['approval'],
  groups: ReadonlyMap<string, ApproverGroup>,
  people: Config['people'],
  faults: FaultList,
): ApprovalDefaults {
  for (const [index, group] of (shape?.approvers ?? []).entries()) {
    if (!groups.has(group)) faults.add(['approval', 'approvers', index], isNow(group), knownGroups(groups));
  }
  const holder = [...(people?.values() ?? [])].find(({ adminToken }) => adminToken);
  if (shape?.admin_token !== undefined && holder !== undefined) {
    const message = `${holder.name} holds the admin token, so its holder is not another person`;
    faults.add(['approval', 'admin_token'], message, `either this, or admin_token: true of ${holder.name}`);
  }
  const quiet = compileQuiet(shape?.quiet, ['approval', 'quiet'], faults);
  if (shape?.quiet !== undefined && !groups.has(shape.quiet.to_group))
    faults.add(['approval', 'quiet', 'to_group'], isNow(shape.quiet.to_group), knownGroups(groups));
  return {
    adminIsAnotherPerson: shape?.admin_token !== undefined,
    approvers: shape?.approvers ?? null,
    timeoutMs: durationMs(shape?.timeout, ['approval', 'timeout'], faults) ?? APPROVAL_DEFAULTS.timeoutMs,
    pickupMs: durationMs(shape?.pickup, ['approval', 'pickup'], faults) ?? APPROVAL_DEFAULTS.pickupMs,
    graceMs: durationMs(shape?.grace, ['approval', 'grace'], faults) ?? APPROVAL_DEFAULTS.graceMs,
    hold: holdOf(shape?.hold, faults),
    maxPending: shape?.max_pending ?? APPROVAL_DEFAULTS.maxPending,
    openings: openingRate(shape?.openings, ['approval', 'openings'], faults) ?? APPROVAL_DEFAULTS.openings,
    keptBytes: shape?.kept_bytes ?? APPROVAL_DEFAULTS.keptBytes,
    maxBytes: shape?.max_bytes ?? APPROVAL_DEFAULTS.maxBytes,
    ...(quiet === null ? {} : { quiet }),
  };
}

const SAMPLE_DEFAULTS: SampleSettings = { perToolAndDay: 20, retainMs: 30 * 86_400_000 };

/** null: nothing is kept, as where the file says nothing. */
function samplesOf(shape: ConfigShape['audit'], faults: FaultList): SampleSettings | null {
  if (shape?.samples === undefined) return null;
  const { per_tool_and_day: perToolAndDay = SAMPLE_DEFAULTS.perToolAndDay, retain } = shape.samples;
  const retainMs = durationMs(retain, ['audit', 'samples', 'retain'], faults) ?? SAMPLE_DEFAULTS.retainMs;
  return { perToolAndDay, retainMs };
}

function holdOf(shape: NonNullable<ConfigShape['approval']>['hold'], faults: FaultList): HoldDefaults {
  const { defaultMs, progressMs, legMs, beatMs, clients } = APPROVAL_DEFAULTS.hold;
  const at = ['approval', 'hold'];
  const own = Object.entries(shape?.clients ?? {}).map(([name, text]) => {
    return { name, ms: durationMs(text, [...at, 'clients', name], faults) ?? defaultMs };
  });
  return {
    defaultMs: durationMs(shape?.default, [...at, 'default'], faults) ?? defaultMs,
    progressMs: durationMs(shape?.progress, [...at, 'progress'], faults) ?? progressMs,
    beatMs: durationMs(shape?.beat, [...at, 'beat'], faults) ?? beatMs,
    legMs: durationMs(shape?.leg, [...at, 'leg'], faults) ?? legMs,
    clients: [...own, ...clients],
  };
}
