import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isStillOwner, ownerOfAccount } from '../../src/config/account-owner.ts';
import { agentStandingOf, grantOfAccount } from '../../src/config/agent-standing.ts';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/config-file.ts';
import { authenticator, tokenlessDigest } from '../../src/config/grants.ts';
import type { Loaded } from '../../src/config/load.ts';
import { freezeOver } from '../../src/domain/freeze/freeze.ts';
import { hasMemberTwice } from '../../src/domain/json/twice.ts';
import type { AgentAccount } from '../../src/domain/people/access-token.ts';
import { grantNameOf, markOf } from '../../src/domain/people/principal.ts';
import { LiveRules } from '../../src/main/rules/live-rules.ts';
import { sampleApproval } from '../support/domain/approval.ts';
import { policyOf } from '../support/domain/policy.ts';

const ISSUER = 'https://login.example.com';

function config(more: string, oauth = 'grants: [{ claim: groups, equals: eng, grant: eng }]', issuer = ISSUER): Config {
  const parsed = parseConfig(text(more, oauth, issuer), { path: '/x/holdfast.yaml', env: {} });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.config;
}

function text(more: string, oauth: string, issuer = ISSUER): string {
  return `version: "1"
servers: { a: { url: "http://127.0.0.1:1/mcp", policy: p.yaml } }
grants: [{ name: eng, servers: [a], owner: none }]
oauth: { issuer: "${issuer}", ${oauth} }
${more}`;
}

function account(
  subject: string,
  claims: Record<string, unknown> = { groups: ['eng'] },
  issuer = ISSUER,
): AgentAccount {
  return {
    ...{ issuer, subject, email: null, scopes: new Set<string>(), claims },
    ...{ expiresAt: new Date(1e12), lifetimeMs: 60_000 },
  };
}

function ownerIn(from: Config, who: AgentAccount): string | null {
  const standing = agentStandingOf(from, who);
  return standing.kind === 'known' ? standing.principal.owner : standing.kind;
}

describe('whose an access token is', () => {
  const people =
    'people:\n  mira: { slack: U0MIRA, login: Mira-1 }\n  ada: { login: ada, subject: "sub|ada" }\n  pia: { login: pia, oauth_subject: "agents|pia" }\n';

  test('a login is compared exactly, a subject before it, oauth_subject before both', () => {
    const here = config(people);
    for (const [subject, owner] of [
      ['Mira-1', 'U0MIRA'],
      ['mira-1', null],
      ['sub|ada', 'ada'],
      ['ada', null],
      ['agents|pia', 'pia'],
      ['pia', null],
    ] as const)
      assert.equal(ownerIn(here, account(subject)), owner, subject);
  });

  test('a name at the console’s provider is nobody’s at another', () => {
    const here = config(`${people}oidc: { issuer: "https://elsewhere.example.com", client_id: x }\n`);
    assert.equal(ownerIn(here, account('Mira-1')), null);
    assert.equal(ownerIn(here, account('sub|ada')), null);
    assert.equal(ownerIn(here, account('agents|pia')), 'pia');
  });

  test('the principal is grant, issuer and subject; another issuer’s is not the grant’s any more', () => {
    const names = [account('a'), account('b'), account('a', { groups: ['eng'] }, 'https://other.example.com')].map(
      (who) => {
        const standing = agentStandingOf(config(people, undefined, who.issuer), who);
        assert.equal(standing.kind, 'known');
        return standing.kind === 'known' ? standing.principal.grant : '';
      },
    );
    assert.equal(new Set(names).size, 3);
    for (const name of names) assert.match(name, /^eng\/[\w-]{30}$/);
    assert.equal(grantOfAccount(config(people), names[0]!)?.name, 'eng');
    assert.equal(grantOfAccount(config(people), names[2]!), null);
    assert.equal(grantOfAccount(config(people), 'eng'), null);
    assert.equal(grantOfAccount(config(people), `other/${markOf(names[0]!)}`), null);
    assert.equal(grantNameOf(names[0]!), 'eng');
  });

  test('the first entry that fits gives the grant', () => {
    const two = text(
      people,
      'grants: [{ claim: role, equals: x, grant: eng }, { claim: groups, equals: eng, grant: ops }]',
    ).replace('owner: none }]', 'owner: none }, { name: ops, servers: [a], owner: none }]');
    const parsed = parseConfig(two, { path: '/x/holdfast.yaml', env: {} });
    assert.ok(parsed.ok);
    const grantIn = (claims: Record<string, unknown>) => {
      const standing = agentStandingOf(parsed.config, account('a', claims));
      return standing.kind === 'known' ? standing.grant.name : standing.kind;
    };
    assert.equal(grantIn({ role: 'x', groups: ['eng'] }), 'eng');
    assert.equal(grantIn({ role: ['y'], groups: 'eng' }), 'ops');
    assert.equal(grantIn({ groups: ['Eng', ' eng', 'eng '] }), 'no_grant');
  });

  test('nothing presents the digest that stands for a grant without a token', () => {
    const here = config(people);
    assert.equal(here.grants[0]?.tokenSha256, tokenlessDigest('eng'));
    assert.equal(authenticator(here)('oauth\neng', new Date()).kind, 'unknown');
  });
});

describe('whose a parked call is after a reload', () => {
  const MIRA = 'mira: { slack: U0MIRA, login: mira';
  const SAM = 'sam: { slack: U0SAM, login: sam';
  const people = (mira: string, sam: string) => `people:\n  ${MIRA}${mira} }\n  ${SAM}${sam} }\n`;
  const elsewhere = 'oidc: { issuer: "https://elsewhere.example.com", client_id: x }\n';
  const byEmail = 'match: email, grants: [{ claim: groups, equals: eng, grant: eng }]';
  const nameOf = (who: AgentAccount): string => {
    const standing = agentStandingOf(config(people('', '')), who);
    return standing.kind === 'known' ? standing.principal.grant : '';
  };
  const name = nameOf(account('sub-1'));

  for (const [what, now, owner, today] of [
    ['the account is hers as before', config(people(', oauth_subject: sub-1', '')), true, 'U0MIRA'],
    ['it moved to another person', config(people('', ', oauth_subject: sub-1')), false, 'U0SAM'],
    ['it moved, by subject', config(people('', ', subject: sub-1')), false, 'U0SAM'],
    ['it moved, by login', config(people('', '').replace('login: sam', 'login: sub-1')), false, 'U0SAM'],
    [
      'a subject at another provider says nothing, and hers is gone',
      config(people('', ', subject: sub-1') + elsewhere),
      false,
      null,
    ],
    ['she has another account', config(people(', oauth_subject: sub-2', '')), false, null],
    ['she is found by her address', config(people('', ''), byEmail), true, null],
    [
      'by her address, and it is pinned to another person',
      config(people('', ', oauth_subject: sub-1'), byEmail),
      false,
      'U0SAM',
    ],
    [
      'by her address, and she is pinned to another account',
      config(people(', subject: sub-2', ''), byEmail),
      false,
      null,
    ],
    ['she is gone', config(`people:\n  ${SAM} }\n`, byEmail), false, null],
  ] as const) {
    test(`P3: ${what}`, () => {
      assert.equal(isStillOwner(now, name, 'U0MIRA'), owner);
      assert.equal(ownerOfAccount(now, name), today, 'who may not approve it');
    });
  }

  test('P3: whoever has the account now may not approve what was called with it, and its call lapses', () => {
    const policy = policyOf({ tools: { wipe: { action: 'require_approval' } } });
    const rules = (people: string) =>
      new LiveRules(
        { config: config(people), policies: new Map([['a', policy]]), secrets: {} } as unknown as Loaded,
        () => new Date(),
        { has: () => false, refreshUnlessFresh: async () => {} },
      );
    const approval = sampleApproval({ server: 'a', tool: 'wipe', grant: name, owner: 'U0MIRA' });
    const before = rules(people(', oauth_subject: sub-1', ''));
    const moved = rules(people('', ', oauth_subject: sub-1'));
    assert.equal(before.principal(name, 'a', 'U0MIRA')?.owner, 'U0MIRA');
    assert.equal(moved.principal(name, 'a', 'U0MIRA'), null);
    assert.equal(moved.approvers(approval).owner, 'U0SAM');
  });
});

describe('a config with oauth', () => {
  for (const [what, change, fault] of [
    [
      'an issuer without https',
      (t: string) => t.replace(ISSUER, 'http://login.example.com'),
      /oauth.issuer is not https/,
    ],
    ['an issuer with a query', (t: string) => t.replace(ISSUER, `${ISSUER}?x=1`), /oauth.issuer has a user, a query/],
    [
      'an entry for no grant',
      (t: string) => t.replace('grant: eng }] }', 'grant: other }] }'),
      /oauth.grants\[?.?0\]?.grant is "other"/,
    ],
    ['no entry', (t: string) => t.replace(/grants: \[\{ claim[^\]]*\]/, 'grants: []'), /oauth.grants/],
    [
      'a grant that nothing leads to',
      (t: string) => t.replace('owner: none }]', 'owner: none }, { name: lost, servers: [a], owner: none }]'),
      /grants\[?.?1\]? has no token_sha256/,
    ],
    [
      'tokens that may live for ever',
      (t: string) => t.replace('grants: [{ claim', 'longest: 8d, grants: [{ claim'),
      /oauth.longest.*8d/,
    ],
    [
      'a key that there is not',
      (t: string) => t.replace('grants: [{ claim', 'introspect: true, grants: [{ claim'),
      /oauth/,
    ],
    [
      'two with one oauth_subject',
      (t: string) => `${t}people:\n  a: { login: a, oauth_subject: x }\n  b: { login: b, oauth_subject: x }\n`,
      /same oauth_subject/,
    ],
  ] as const) {
    test(`and ${what} is refused`, () => {
      const good = text('', 'grants: [{ claim: groups, equals: eng, grant: eng }]');
      assert.ok(parseConfig(good, { path: '/x/h.yaml', env: {} }).ok);
      const parsed = parseConfig(change(good), { path: '/x/h.yaml', env: {} });
      assert.ok(!parsed.ok);
      assert.match(parsed.faults.map(({ path, message }) => `${path} ${message}`).join('\n'), fault);
    });
  }

  test('without oauth, a grant has a token', () => {
    const plain =
      'version: "1"\nservers: { a: { url: "http://127.0.0.1:1/mcp", policy: p.yaml } }\ngrants: [{ name: eng, servers: [a], owner: none }]\n';
    const parsed = parseConfig(plain, { path: '/x/h.yaml', env: {} });
    assert.ok(!parsed.ok);
    assert.match(JSON.stringify(parsed.faults), /token_sha256/);
  });
});

describe('a freeze over a principal', () => {
  const since = new Date();
  const of = (name: string) => ({ id: 'fz', scope: { kind: 'grant', name }, reason: 'x', by: 'admin', since }) as const;

  test('is that of its grant, or its own; no other grant’s whose name begins alike', () => {
    const place = { server: 'a', grant: 'eng/abc' };
    assert.ok(freezeOver([of('eng')], place));
    assert.ok(freezeOver([of('eng/abc')], place));
    assert.equal(freezeOver([of('en')], place), null);
    assert.equal(freezeOver([of('eng/ab')], place), null);
    assert.equal(freezeOver([of('eng/abc')], { server: 'a', grant: 'eng' }), null);
  });
});

test('a member twice is found in any depth, and none in what only looks like it', () => {
  for (const [json, twice] of [
    ['{"a":1,"a":2}', true],
    ['{"a":{"b":1,"b":2}}', true],
    ['[{"a":1},{"a":1}]', false],
    ['{"a":"\\"a\\":1","b":{"a":1}}', false],
    ['{"a":1,"\\u0061":2}', true],
    ['{"a":["a","a"],"b":"{"}', false],
    ['{"a":{},"b":[{}],"a" : 1}', true],
  ] as const)
    assert.equal(hasMemberTwice(json), twice, json);
});
