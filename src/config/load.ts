import { afterUses } from '../domain/policy/after.ts';
import { mayAsk, mayDrift, type Policy } from '../domain/policy/policy.ts';
import { ruleFor } from '../domain/policy/rule.ts';
import type { Ask } from '../domain/policy/verdict.ts';
import { lacksClientSecret } from './client-secret.ts';
import type { Config } from './config.ts';
import { parseConfig } from './config-file.ts';
import type { Fault, Key } from './document/fault.ts';
import type { Environment, ReportFault } from './environment.ts';
import { knownGroups } from './groups.ts';
import { peopleWhoMay, personsOf } from './persons.ts';
import { type ParsedPolicy, parsePolicy } from './policy/file.ts';
import { groupsAsked, headcount, quietRequirement, resolveRequirement } from './requirement.ts';
import type { ReadSecretFile } from './secret-from.ts';
import type { Secrets } from './secrets.ts';
import { configPathOf, type Flags, readSettings, type Settings } from './settings.ts';

/** Reads a file's bytes; null when there is no such file. Workers read from their KV namespace. */
export type ReadFile = (path: string) => Promise<Uint8Array | null>;

/** Everything that is configured, as loaded at one moment. */
export interface Loaded {
  readonly config: Config;
  /** By server. */
  readonly policies: ReadonlyMap<string, Policy>;
  /** The policies' own texts, by their digest. */
  readonly policyTexts?: ReadonlyMap<string, string>;
  readonly settings: Settings;
  readonly secrets: Secrets;
  /** What is accepted but looks like a mistake; reported once, at the start. */
  readonly warnings?: readonly Fault[];
}

export type LoadResult = ({ readonly ok: true } & Loaded) | { readonly ok: false; readonly faults: readonly Fault[] };

export interface Sources {
  /** Takes precedence over flags and environment. */
  readonly configPath?: string;
  readonly env: Environment;
  readonly flags?: Flags;
  readonly readFile: ReadFile;
  /** Reads the files that variables such as `HOLDFAST_SECRET_FILE` name; absent: there are none here. */
  readonly readSecret?: ReadSecretFile;
}

/** Loads config, settings and every policy, and reports the faults in all of them at once. */
export async function loadConfig(sources: Sources): Promise<LoadResult> {
  const { env, readSecret, flags = {} } = sources;
  const configPath = sources.configPath ?? configPathOf(env, flags);
  const faults: Fault[] = [];
  const text = await readTextFile(configPath, sources.readFile, faults);
  const named: Fault[] = [];
  const warn: ReportFault = (path, message, expected) => {
    const file = /^(servers|stand_ins)\./.test(path) ? configPath : 'environment';
    named.push({ file, line: 0, column: 0, path, message, expected });
  };
  const parsed = text === null ? null : parseConfig(text, { path: configPath, env, readSecret, warn });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  const config = parsed?.ok ? parsed.config : null;
  const read = readSettings({
    env,
    readSecret,
    flags: { ...flags, config: configPath },
    ...(config === null ? {} : { file: config.file, slackChannel: config.slack.channel }),
  });
  if (!read.ok) faults.push(...read.faults);
  const policyTexts = new Map<string, string>();
  const policies =
    config === null ? new Map<string, Policy>() : await policiesOf(config, sources.readFile, faults, policyTexts);
  const lacking = config !== null && read.ok ? lacksClientSecret(config, read.secrets) : null;
  if (lacking !== null) faults.push(lacking);
  if (config === null || !read.ok || faults.length > 0) return { ok: false, faults };
  const { settings, secrets } = read;
  const warnings = [...read.warnings, ...named, ...tooFewPeople(config, policies)];
  return { ok: true, config, policies, policyTexts, settings, secrets, warnings };
}

/**
 * Loads again. If a file is bad, only its faults are returned, and the caller keeps the snapshot it has. What cannot
 * change while the process runs (addresses, secrets, the data folder) stays as it was; the channel for cards can
 * change.
 */
export async function reload(previous: Loaded, sources: Sources): Promise<LoadResult> {
  const next = await loadConfig({ ...sources, configPath: previous.settings.configPath });
  if (!next.ok) return next;
  const { settings, secrets } = previous;
  const lacking = lacksClientSecret(next.config, secrets);
  if (lacking !== null) return { ok: false, faults: [lacking] };
  const slack = { ...settings.slack, channel: next.settings.slack.channel };
  return { ...next, settings: { ...settings, slack }, secrets };
}

/**
 * Every server's policy, checked against the config's groups; faults are added to `faults`, each policy's text to `texts`
 * under its digest.
 */
export async function policiesOf(
  config: Config,
  readFile: ReadFile,
  faults: Fault[],
  texts: Map<string, string> = new Map(),
): Promise<Map<string, Policy>> {
  const servers = [...config.servers.values()];
  const paths = [...new Set(servers.map((server) => server.policyPath))];
  // Read all at once, since files may come over a network. Faults are reported in the config's order.
  const parsed = await Promise.all(
    paths.map(async (path) => {
      const found: Fault[] = [];
      return { policy: await policyAt(path, config, readFile, found, texts), found };
    }),
  );
  faults.push(...parsed.flatMap(({ found }) => found));
  const policies = new Map<string, Policy>();
  for (const { name, policyPath, mode } of servers) {
    const policy = parsed[paths.indexOf(policyPath)]?.policy;
    if (policy) policies.set(name, mode === undefined ? policy : { ...policy, mode });
  }
  return policies;
}

async function policyAt(
  path: string,
  config: Config,
  readFile: ReadFile,
  faults: Fault[],
  texts: Map<string, string>,
): Promise<Policy | null> {
  const text = await readTextFile(path, readFile, faults);
  if (text === null) return null;
  const parsed = parsePolicy(text, { path });
  if (!parsed.ok) {
    faults.push(...parsed.faults);
    return null;
  }
  faults.push(...unknownGroups(parsed, config), ...placesOfStrangers(parsed, config), ...unanswerable(parsed, config));
  faults.push(...unknownServers(parsed, config));
  texts.set(parsed.policy.digest, text);
  return parsed.policy;
}

type Good = Extract<ParsedPolicy, { ok: true }>;

function unknownGroups(parsed: Good, config: Config): Fault[] {
  return parsed.mentions
    .filter((mention) => !config.approvers.has(mention.group))
    .map((mention) => parsed.fault(mention.at, `is ${JSON.stringify(mention.group)}`, knownGroups(config.approvers)));
}

/** Faults for conditions on earlier calls of servers that the config does not have: no call could ever meet them. */
function unknownServers({ policy, fault }: Good, config: Config): Fault[] {
  const named = afterUses(policy).flatMap(({ after }) => after.calls.server ?? []);
  const unknown = [...new Set(named)].filter((name) => name !== '*' && !config.servers.has(name));
  const known = `one of ${[...config.servers.keys()].join(', ')}, or *`;
  return unknown.map((name) => fault([], `has a condition after calls of ${JSON.stringify(name)}`, known));
}

/** Faults for questions that nobody could ever answer: there are no approvers, or fewer than the quorum. */
function unanswerable({ policy, fault }: Good, config: Config): Fault[] {
  if (!mayAsk(policy)) return [];
  if (config.approvers.size === 0) {
    return [fault([], 'asks for approval, but the config names no approvers', 'a group under approvers in the config')];
  }
  return asksOf(policy).flatMap(([at, ask]) => {
    if (ask.places)
      return unfillable(config, ask, (path, ...words) => fault([...at, 'approval', 'quorum', ...path], ...words));
    const quiet = tooQuiet(config, ask);
    if (quiet !== null)
      return [fault([...at, 'approval', 'quorum'], quiet, 'fewer, or more people in that group, or quiet: none')];
    const people = headcount(resolveRequirement(config, ask));
    if (people === null || people >= ask.quorum) return [];
    const message = `is ${ask.quorum}, but only ${people} could approve`;
    return [fault([...at, 'approval', 'quorum'], message, `at most ${people}, or more approvers`)];
  });
}

/** Why nobody could answer it in quiet hours; null: enough could. */
function tooQuiet(config: Config, ask: Ask): string | null {
  const requirement = quietRequirement(config, ask);
  if (requirement === null || requirement.groups.some((group) => !config.approvers.has(group))) return null;
  const people = headcount(requirement);
  if (people === null || people >= ask.quorum) return null;
  return `is ${ask.quorum}, but in quiet hours only ${people} could approve, of ${requirement.groups.join(', ')}`;
}

/** Places of groups that are not asked: their people could fill none. */
function placesOfStrangers({ policy, fault }: Good, config: Config): Fault[] {
  return asksOf(policy).flatMap(([at, ask]) => {
    const asked = groupsAsked(config, ask);
    const strange = (ask.places ?? []).filter(({ group }) => config.approvers.has(group) && !asked.includes(group));
    return strange.map(({ group }) => {
      const from = asked.join(', ');
      return fault(
        [...at, 'approval', 'quorum', group],
        `${group} is none of the approvers`,
        `one of the approvers: ${from}`,
      );
    });
  });
}

/** Faults for places that nobody could ever fill. Groups of Slack may have any number of people. */
function unfillable(
  config: Config,
  ask: Ask,
  fault: (path: readonly Key[], message: string, expected: string) => Fault,
): Fault[] {
  const persons = personsOf(config, true);
  const requirement = resolveRequirement(config, ask);
  const people = peopleWhoMay(requirement, persons) ?? ask.quorum;
  if (people >= ask.quorum) return [];
  const { places = [] } = requirement;
  const few = places.flatMap((place) => {
    const alone = peopleWhoMay({ ...requirement, quorum: place.count, places: [place] }, persons) ?? place.count;
    return alone < place.count ? [{ place, alone }] : [];
  });
  if (few.length === 0) {
    const message = `needs ${ask.quorum} people, but those listed could fill only ${people} of these places, because one person fills one`;
    return [fault([], message, 'more approvers in these groups, or fewer places')];
  }
  return few.map(({ place, alone }) =>
    fault(
      [place.group],
      `is ${place.count}, but only ${alone} of ${place.group} could approve`,
      `at most ${alone}, or more people in it`,
    ),
  );
}

/**
 * Questions that fewer people could answer than their quorum although the file lists enough: one human is listed by
 * several ways, or the admin token is counted that may be anybody's. A warning, so that a gateway that ran before starts
 * again; such a call waits until it expires.
 */
function tooFewPeople(config: Config, policies: ReadonlyMap<string, Policy>): Fault[] {
  const persons = personsOf(config, true);
  return [...policies].flatMap(([server, policy]) => {
    if (!mayAsk(policy)) return [];
    const file = config.servers.get(server)?.policyPath ?? server;
    return asksOf(policy).flatMap(([at, ask]) => {
      const rule = at[0] === 'tools' ? (ruleFor(policy, String(at[1])) ?? null) : null;
      const asks =
        rule === null || rule.action === 'require_approval' || rule.askIf.length > 0 || mayDrift(rule, 'ask');
      if (!asks) return [];
      const people = peopleWhoMay(resolveRequirement(config, ask), persons);
      if (people === null || people >= ask.quorum) return [];
      const message = `is ${ask.quorum}, but those listed are ${people} ${people === 1 ? 'person' : 'people'}`;
      const path = [...at, 'approval', 'quorum'].join('.');
      return [
        {
          file,
          line: 0,
          column: 0,
          path,
          message,
          expected: 'more approvers; the admin token is not an additional person',
        },
      ];
    });
  });
}

/** Every question of a policy, with its place. */
function asksOf(policy: Policy): [Key[], Ask][] {
  const rules = [...policy.exact.values(), ...policy.globs.map((entry) => entry.rule)];
  return [[['all_tools'], policy.allTools.ask], ...rules.map((rule): [Key[], Ask] => [['tools', rule.key], rule.ask])];
}

/** A file as UTF-8 text; null, and a fault, when it cannot be read as such. */
export async function readTextFile(path: string, readFile: ReadFile, faults: Fault[]): Promise<string | null> {
  const wrong = (message: string, expected: string): null => {
    faults.push({ file: path, line: 0, column: 0, path: '', message, expected });
    return null;
  };
  const bytes = await readFile(path);
  if (bytes === null) return wrong('cannot be read', 'a file that exists and may be read');
  try {
    // ignoreBOM keeps a byte order mark in the text, so that the digest is over the file's own bytes.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return wrong('is not UTF-8', 'UTF-8 text');
  }
}
