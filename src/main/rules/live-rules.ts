import { createHash } from 'node:crypto';
import { isAccountMark, isStillOwner } from '../../config/account-owner.ts';
import { grantOfAccount } from '../../config/agent-standing.ts';
import type { Grant } from '../../config/config.ts';
import { type Authentication, authenticator } from '../../config/grants.ts';
import type { Loaded } from '../../config/load.ts';
import { mayOperate, operatorBy } from '../../config/may-operate.ts';
import { ownConditions } from '../../config/own-conditions.ts';
import { currentApprovers, personsOf } from '../../config/persons.ts';
import { seenNow } from '../../config/policy/seen.ts';
import { resolveRequirement } from '../../config/requirement.ts';
import { schemaFaults } from '../../config/tool-schema.ts';
import { upstreamKey } from '../../config/upstream-key.ts';
import { signingOriginOf } from '../../domain/addresses.ts';
import type { BurstTerms } from '../../domain/approval/burst.ts';
import type { CurrentApprovers, Persons } from '../../domain/approval/current.ts';
import type { Principal } from '../../domain/call/call.ts';
import type { FreezeScope } from '../../domain/freeze/freeze.ts';
import { isObject, type Json, type JsonObject } from '../../domain/json/json.ts';
import { OVERSIGHT_TERMS, type OversightTerms } from '../../domain/log/oversight.ts';
import { grantNameOf, markOf } from '../../domain/people/principal.ts';
import { afterUses, risksLike } from '../../domain/policy/after.ts';
import { type WantedBy, type WantedMemory, wantedAt, wantedOf } from '../../domain/policy/places.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { ruleFor } from '../../domain/policy/rule.ts';
import { plainSchema } from '../../domain/tool/plain-schema.ts';
import type { Rules } from '../../gateway/rules.ts';
import type { RegisteredKeys } from '../../gateway/state/registered-keys.ts';
import type { AskServer } from '../../gateway/tools/ask-for-tools.ts';
import { ToolDrift } from '../../gateway/tools/tool-drift.ts';
import { withinOr } from '../../time/within.ts';
import type { RevokedTokens } from './revoked-tokens.ts';

/** The current rules. A reload replaces the whole config and all policies at once, or nothing. */
export class LiveRules implements Rules {
  /** How the servers' tools look now, for policies that act on drift. */
  readonly tools = new ToolDrift(seenNow);
  #loaded: Loaded;
  #authenticate: (token: string, now: Date) => Authentication;
  /** Names of servers by their upstream; null: not looked at yet. */
  #alike: ReadonlyMap<string, readonly string[]> | null = null;
  /** What policies ask of earlier calls; null: not looked at yet. */
  #wanted: readonly WantedBy[] | null = null;
  #persons: Persons;
  /** Where the input schemas of tools are known; nowhere before a list has passed through. */
  schemas: (server: string, tool: string) => Json | null = () => null;
  /** Asks a server for its tools; null: this runtime cannot. */
  ask: AskServer | null = null;
  readonly #now: () => Date;
  readonly #revoked: Pick<RevokedTokens, 'has' | 'refreshUnlessFresh'>;
  readonly #keys: Pick<RegisteredKeys, 'current' | 'refresh'> | null;

  /** `keys`: by which signatures are judged; absent: none counts. */
  constructor(
    loaded: Loaded,
    now: () => Date,
    revoked: Pick<RevokedTokens, 'has' | 'refreshUnlessFresh'>,
    keys: Pick<RegisteredKeys, 'current' | 'refresh'> | null = null,
  ) {
    this.#revoked = revoked;
    this.#keys = keys;
    this.#loaded = loaded;
    this.#authenticate = authenticator(loaded.config);
    this.#persons = personsOf(loaded.config, loaded.secrets.adminToken !== null);
    this.#now = now;
  }

  get samples(): NonNullable<Rules['samples']> | null {
    return this.#loaded.config.samples ?? null;
  }

  get erasable(): boolean {
    return this.#loaded.config.erasable === true;
  }

  get retention(): NonNullable<Rules['retention']> | null {
    return this.#loaded.config.retention ?? null;
  }

  get approvalsRetainMs(): number | null {
    return this.#loaded.config.approvalsRetainMs ?? null;
  }

  get loaded(): Loaded {
    return this.#loaded;
  }

  /** Puts this config and its policies in force. */
  swap(loaded: Loaded): void {
    this.#loaded = loaded;
    this.#alike = null;
    this.#wanted = null;
    this.#authenticate = authenticator(loaded.config);
    this.#persons = personsOf(loaded.config, loaded.secrets.adminToken !== null);
  }

  /** Whose token it is; a revoked one is unknown. */
  authenticate(token: string): Authentication {
    const found = this.#authenticate(token, this.#now());
    if (found.kind !== 'known') return found;
    const { tokenSha256, retiringSha256 } = found.grant;
    // Revoking a grant revokes its newest token. The older one may have been revoked alone, before the new one was
    // made.
    const presented = found.retiring && retiringSha256 !== null ? retiringSha256 : tokenSha256;
    return this.#revoked.has(tokenSha256) || this.#revoked.has(presented) ? { kind: 'unknown' } : found;
  }

  /** Whether a request with this credential (the SHA-256 of a grant's token, or `accountCredential`) would be admitted to the server now. */
  accepts(token: string, server: string): boolean {
    const account = accountIn(token);
    if (account !== null) {
      const isOver = this.#now().getTime() >= account.until;
      return !isOver && this.principal(account.principal, server, account.owner ?? undefined) !== null;
    }
    const grant = this.#loaded.config.grants.find(
      (each) => each.tokenSha256 === token || each.retiringSha256 === token,
    );
    if (!grant?.servers.includes(server) || !this.#loaded.config.servers.has(server)) return false;
    if (this.#revoked.has(grant.tokenSha256) || this.#revoked.has(token)) return false;
    return grant.expires === null || this.#now() < grant.expires;
  }

  policy(server: string): Policy | null {
    const policy = this.#loaded.policies.get(server);
    return policy === undefined ? null : this.tools.judge(server, policy);
  }

  wanted(server: string, tool: string): readonly WantedMemory[] {
    const all = this.#allWanted();
    if (all.length === 0) return [];
    const own = this.#loaded.policies.get(server);
    const risk = own === undefined ? null : (ruleFor(own, tool)?.risk ?? null);
    const servers = [server, ...this.alike(server).filter((name) => name !== server)];
    const risks = new Set(
      servers.flatMap((name) => {
        const policy = this.#loaded.policies.get(name);
        return policy === undefined ? [] : risksLike(policy, tool);
      }),
    );
    return wantedOf(all, { servers, tool, risk, risks });
  }

  wantedAt(server: string): readonly WantedMemory[] {
    const all = this.#allWanted();
    return all.length === 0 ? [] : wantedAt(all, [server, ...this.alike(server)]);
  }

  #allWanted(): readonly WantedBy[] {
    this.#wanted ??= [...this.#loaded.policies].flatMap(([of, policy]) =>
      afterUses(policy).map((use): WantedBy => ({ server: of, use })),
    );
    return this.#wanted;
  }

  upstream(server: string): string {
    const config = this.#loaded.config.servers.get(server);
    return config === undefined ? server : upstreamKey(config);
  }

  alike(server: string): readonly string[] {
    this.#alike ??= namesByUpstream([...this.#loaded.config.servers.keys()], (name) => this.upstream(name));
    return this.#alike.get(this.upstream(server)) ?? [server];
  }

  requirement(...[ask, at]: Parameters<Rules['requirement']>): ReturnType<Rules['requirement']> {
    return resolveRequirement(this.#loaded.config, ask, at);
  }

  approvers(approval: Parameters<Rules['approvers']>[0]): CurrentApprovers {
    const { config, policies } = this.#loaded;
    const found = currentApprovers(config, policies.get(approval.server) ?? null, this.#persons, approval);
    return this.#keys === null ? found : { ...found, signing: this.#keys.current };
  }

  persons(): Persons {
    return this.#persons;
  }

  principal(name: string, server: string, owner?: string | null): Principal | null {
    const { config } = this.#loaded;
    const byAccount = markOf(name) !== null;
    const grant = byAccount ? grantOfAccount(config, name) : config.grants.find((each) => each.name === name);
    if (!grant?.servers.includes(server) || !this.isOpen(grant)) return null;
    if (!byAccount) return { grant: grant.name, owner: grant.owner, selfApproval: grant.selfApproval };
    if (owner !== undefined && !isStillOwner(config, name, owner)) return null;
    return { grant: name, owner: owner ?? null, selfApproval: grant.selfApproval };
  }

  /** Whether a grant is neither revoked nor expired. */
  isOpen(grant: Grant): boolean {
    return !this.#revoked.has(grant.tokenSha256) && (grant.expires === null || this.#now() < grant.expires);
  }

  token(name: string): string | null {
    return this.#loaded.config.grants.find((each) => each.name === grantNameOf(name))?.tokenSha256 ?? null;
  }

  isOperator(person: string): boolean {
    return mayOperate(this.#loaded.config, operatorBy(person)).may;
  }

  knows(scope: FreezeScope): boolean {
    const { servers, grants, oauth } = this.#loaded.config;
    if (scope.kind === 'all') return true;
    if (scope.kind === 'server') return servers.has(scope.name);
    const mark = markOf(scope.name);
    if (mark !== null && !(oauth && isAccountMark(mark))) return false;
    return grants.some(({ name }) => name === grantNameOf(scope.name));
  }

  look(server: string, tool: string): string | null {
    const looks = this.tools.looks(server, tool);
    return looks === null ? null : createHash('sha256').update(looks).digest('hex').slice(0, 32);
  }

  inputSchema(server: string, tool: string): JsonObject | null {
    const schema = this.schemas(server, tool);
    return isObject(schema) ? plainSchema(schema) : null;
  }

  async learnTool(server: string, tool: string, ms: number): Promise<void> {
    if (this.ask === null || this.schemas(server, tool) !== null) return;
    const asked = this.ask(server, 'gateway').then(
      () => undefined,
      () => undefined,
    );
    await withinOr(ms, asked, undefined);
  }

  argumentFaults(server: string, tool: string, args: JsonObject): ReturnType<NonNullable<Rules['argumentFaults']>> {
    const schema = this.schemas(server, tool);
    return isObject(schema) ? schemaFaults(schema, args) : null;
  }

  conditions(within: readonly Json[]): ReturnType<Rules['conditions']> {
    return ownConditions(within);
  }

  async refresh(approval?: Parameters<Rules['refresh']>[0]): Promise<void> {
    const isSigned = approval?.requirement.stepUp !== undefined;
    await Promise.all([this.#revoked.refreshUnlessFresh(), isSigned ? this.#keys?.refresh() : undefined]);
  }

  get signingOrigin(): string | null {
    return this.#loaded.config.oidc ? signingOriginOf(this.#loaded.settings.publicUrl) : null;
  }

  get oversight(): OversightTerms {
    return this.#loaded.config.oversight ?? OVERSIGHT_TERMS;
  }

  get digest(): BurstTerms | null {
    return this.#loaded.config.slack.digest;
  }

  get approval(): Rules['approval'] {
    return this.#loaded.config.approval;
  }
}

/** By what a request stays admitted that came with an access token. `until`: in ms since the epoch. `token`: its digest. */
export function accountCredential(principal: Pick<Principal, 'grant' | 'owner'>, until: number, token: string): string {
  return JSON.stringify([principal.grant, principal.owner, until, token]);
}

/** The digest of the access token of such a credential; null: it is that of a grant's token. */
export function accountTokenIn(credential: string): string | null {
  return accountIn(credential)?.token ?? null;
}

/** null: it is the digest of a grant's token. */
function accountIn(
  credential: string,
): { principal: string; owner: string | null; until: number; token: string } | null {
  if (!credential.startsWith('[')) return null;
  const [principal, owner, until, token] = JSON.parse(credential) as [string, string | null, number, string];
  return { principal, owner, until, token };
}

function namesByUpstream(
  names: readonly string[],
  upstreamOf: (name: string) => string,
): ReadonlyMap<string, readonly string[]> {
  const byUpstream = new Map<string, string[]>();
  for (const name of names) {
    const alike = byUpstream.get(upstreamOf(name)) ?? [];
    byUpstream.set(upstreamOf(name), [...alike, name]);
  }
  return byUpstream;
}
