import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/config-file.ts';
import { faultText } from '../../src/config/document/fault.ts';
import { mayOperate } from '../../src/config/may-operate.ts';
import { currentApprovers, peopleWhoMay, personsOf } from '../../src/config/persons.ts';
import { resolveRequirement } from '../../src/config/requirement.ts';
import { PLAIN_ASK } from '../../src/domain/policy/policy.ts';
import { sampleApproval } from '../support/domain/approval.ts';
import { policyOf } from '../support/domain/policy.ts';

const HEAD = 'version: "1"\nservers: { a: { url: "http://127.0.0.1:1/mcp", policy: p.yaml } }\n';
const TOKEN = 'a'.repeat(64);
const PEOPLE = `${HEAD}people:
  mira: { slack: U0MIRA, login: Mira@Example.com, roles: [approver, auditor] }
  olga: { slack: U0OLGA, roles: [operator] }
  lois: { login: lois@example.com }
`;
const GRANT = (owner: string): string =>
  `grants: [{ name: bot, token_sha256: "${TOKEN}", servers: [a], owner: ${owner} }]\n`;

function good(text: string): Config {
  const parsed = parseConfig(text, { path: 'holdfast.yaml', env: {} });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(faultText).join('\n'));
  return parsed.config;
}

function faults(text: string): string[] {
  const parsed = parseConfig(text, { path: 'holdfast.yaml', env: {} });
  return parsed.ok ? [] : parsed.faults.map(faultText);
}

describe('people', () => {
  test('groups and owners name people, Slack ids or admin', () => {
    const config = good(`${PEOPLE}${GRANT('mira')}approvers: { all: [mira, U0MIRA, U0ALEX, lois, S0123ABC, admin] }\n`);
    assert.deepEqual(config.approvers.get('all'), {
      people: ['U0MIRA', 'U0ALEX', 'lois@example.com'],
      userGroups: ['S0123ABC'],
      admin: true,
    });
    assert.equal(config.grants[0]!.owner, 'U0MIRA');
    assert.deepEqual(resolveRequirement(config, PLAIN_ASK).names, { U0MIRA: 'mira', 'lois@example.com': 'lois' });
    assert.deepEqual(personsOf(config, true).names.get('mira@example.com'), 'mira');
    assert.equal(good(`${PEOPLE}${GRANT('lois')}`).grants[0]!.owner, 'lois@example.com');
    assert.equal('names' in resolveRequirement(good(`${HEAD}approvers: { all: [U0MIRA] }\n`), PLAIN_ASK), false);
  });

  for (const [what, text, fault] of [
    [
      'an unknown name in a group',
      `${PEOPLE}approvers: { all: [mira, alex] }\n`,
      /:7:\d+: approvers\.all\[1\].*alex.*mira, olga, lois/,
    ],
    ['a name where there are no people', `${HEAD}approvers: { all: [mira] }\n`, /approvers\.all\[0\].*mira/],
    ['an unknown owner', `${PEOPLE}${GRANT('sam')}`, /grants\[0\]\.owner.*sam.*mira, olga, lois/],
    [
      'one Slack id twice',
      `${HEAD}people:\n  a: { slack: U0X }\n  b: { slack: U0X }\n`,
      /:5:\d+: people\.b\.slack.*a has the same Slack id/,
    ],
    [
      'one login twice',
      `${HEAD}people:\n  a: { login: X@y }\n  b: { login: x@Y }\n`,
      /people\.b\.login.*a has the same login/,
    ],
    [
      'the token twice',
      `${HEAD}people:\n  a: { slack: U0A, admin_token: true }\n  b: { slack: U0B, admin_token: true }\n`,
      /b\.admin_token.*a has the same/,
    ],
    [
      'the token of a person, and of another',
      `${HEAD}people: { a: { slack: U0A, admin_token: true } }\napproval: { admin_token: another_person }\n`,
      /approval\.admin_token.*a holds/,
    ],
    ['no way', `${HEAD}people: { a: { roles: [auditor] } }\n`, /people\.a: has neither slack nor login/],
    [
      'an unknown role',
      `${HEAD}people: { a: { slack: U0A, roles: [root] } }\n`,
      /people\.a\.roles\[0\].*auditor, approver, operator/,
    ],
    ['an unknown key', `${HEAD}people: { a: { slak: U0A } }\n`, /people\.a\.slak.*slack/],
    ['a name like an id', `${HEAD}people: { U0MIRA: { slack: U0MIRA } }\n`, /people\.U0MIRA/],
    ['a reserved name', `${HEAD}people: { admin: { slack: U0MIRA } }\n`, /people\.admin/],
    [
      'an approver who may not approve',
      `${PEOPLE}approvers: { all: [olga] }\n`,
      /approvers\.all\[0\].*olga may not approve.*operator/,
    ],
    ['the same by the Slack id', `${PEOPLE}approvers: { all: [U0OLGA] }\n`, /olga may not approve/],
    ['another word for the token', `${HEAD}approval: { admin_token: yes }\n`, /approval\.admin_token.*another_person/],
  ] as const) {
    test(`refused with its path: ${what}`, () => {
      const found = faults(text);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0]!, fault);
    });
  }

  test('whose word the admin token is', () => {
    const holder = (text: string, set = true) => personsOf(good(text), set).adminToken;
    assert.equal(holder(HEAD), 'somebody');
    assert.equal(holder(PEOPLE), 'nobody');
    assert.equal(holder(`${HEAD}people: {}\n`), 'nobody');
    assert.equal(holder(`${PEOPLE}approval: { admin_token: another_person }\n`), 'a person');
    assert.equal(holder(`${HEAD}people: { a: { slack: U0A, admin_token: true } }\n`), 'a person');
    assert.equal(holder(HEAD, false), 'closed');
  });

  test('how many people could approve: ways of one person count once', () => {
    const count = (text: string, owner: string | null = null) => {
      const config = good(text);
      return peopleWhoMay(resolveRequirement(config, PLAIN_ASK), personsOf(config, true), owner);
    };
    assert.equal(count(`${HEAD}approvers: { all: [U0MIRA, admin] }\n`), 1);
    assert.equal(count(`${HEAD}approvers: { all: [admin] }\n`), 1);
    assert.equal(count(`${HEAD}approvers: { all: [U0MIRA, admin] }\napproval: { admin_token: another_person }\n`), 2);
    assert.equal(count(`${PEOPLE}approvers: { all: [mira, admin] }\n`), 1);
    assert.equal(count(`${PEOPLE}approvers: { all: [mira, lois] }\n`, 'U0MIRA'), 1);
    assert.equal(count(`${HEAD}approvers: { all: [S0123ABC] }\n`), null);
  });

  test('who may decide today follows the policy’s rule, the groups, the escalation and the grant', () => {
    const approval = sampleApproval({ grant: 'bot', requirement: { groups: ['old'] } });
    const now = (text: string, tools: object | null) => {
      const config = good(text);
      return currentApprovers(config, tools === null ? null : policyOf({ tools }), personsOf(config, true), approval);
    };
    const groups = `${HEAD}approvers: { old: [U0A], new: [U0B] }\n${GRANT('U0SAM')}`;
    const rule = (ask: object) => ({ create_api_key: { action: 'require_approval', approval: ask } });
    assert.deepEqual(now(groups, rule({ approvers: ['old'] })).people, ['U0A']);
    assert.deepEqual(now(groups, rule({ approvers: ['new'] })).people, ['U0B']);
    assert.deepEqual(now(groups, {}).people, ['U0A', 'U0B'], 'no rule: the default approvers');
    assert.deepEqual(now(groups, null).people, ['U0A'], 'no policy: the groups that were frozen');
    assert.deepEqual(now(`${HEAD}approvers: { new: [U0B] }\n`, null).people, []);
    const late = now(groups, rule({ approvers: ['old'], escalate: { after: '1m', to: ['new'] } }));
    assert.deepEqual([late.escalate?.afterMs, late.escalate?.people, late.owner], [60_000, ['U0B'], 'U0SAM']);
  });

  test('who may operate: the admin token, and by any other way only the role', () => {
    const config = good(PEOPLE);
    const may = (user: string) => mayOperate(config, { kind: 'slack', user });
    assert.deepEqual(may('U0OLGA'), { may: true, person: 'olga' });
    assert.match((may('U0MIRA') as { why: string }).why, /does not let mira operate/);
    assert.match((may('U0EVE') as { why: string }).why, /does not let this person operate/);
    assert.equal(mayOperate(config, { kind: 'login', login: 'MIRA@example.com' }).may, false);
    assert.deepEqual(mayOperate(config, { kind: 'admin_token' }), { may: true, person: null });
    assert.equal(mayOperate(good(HEAD), { kind: 'slack', user: 'U0OLGA' }).may, false);
    const held = good(`${HEAD}people: { a: { slack: U0A, admin_token: true } }\n`);
    assert.deepEqual(mayOperate(held, { kind: 'admin_token' }), { may: true, person: 'a' });
  });
});
