import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Config } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/config-file.ts';
import { faultText } from '../../src/config/document/fault.ts';
import { loadConfig } from '../../src/config/load.ts';
import { currentApprovers, personsOf } from '../../src/config/persons.ts';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { resolveRequirement } from '../../src/config/requirement.ts';
import type { Approval, Approver, Decision } from '../../src/domain/approval/approval.ts';
import { type DecisionRequest, judgeDecision, withDecision } from '../../src/domain/approval/decide.ts';
import { recount, type VoterFacts } from '../../src/domain/approval/recount.ts';
import { missingText, tallyOf } from '../../src/domain/approval/tally.ts';
import type { Policy } from '../../src/domain/policy/policy.ts';
import { askFor } from '../../src/domain/policy/rule.ts';
import { OPENED, sampleApproval } from '../support/domain/approval.ts';

const HEAD = 'version: "1"\nservers: { s: { url: "http://127.0.0.1:1/mcp", policy: p.yaml } }\n';
const soon = new Date(OPENED.getTime() + 60_000);
const late = new Date(OPENED.getTime() + 20 * 60_000);
const APPROVE: DecisionRequest = { choice: 'approve', reason: null, fingerprint: null };
const DENY: DecisionRequest = { choice: 'deny', reason: 'no', fingerprint: null };
const GROUPS = 'approvers: { security: [U0MIRA, U0BOTH], dba: [U0DAN, U0BOTH], ops: [U0OLGA] }\n';
const ASKED = '{ approvers: [security, dba], quorum: { security: 1, dba: 1 } }';

function policyWith(approval: string): Policy {
  const text = `version: "1"\ndefault: deny\ntools:\n  create_api_key: { action: require_approval, approval: ${approval} }\n`;
  const parsed = parsePolicy(text, { path: 'p.yaml' });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(faultText).join('\n'));
  return parsed.policy;
}

function configOf(text: string): Config {
  const parsed = parseConfig(`${HEAD}${text}`, { path: 'holdfast.yaml', env: {}, now: OPENED });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(faultText).join('\n'));
  return parsed.config;
}

/** An approval that was opened by `then`, judged by `today`. */
function room(then: string, approval = ASKED, more: Partial<Omit<Approval, 'requirement'>> = {}) {
  const ask = askFor(policyWith(approval), 'create_api_key');
  let now = sampleApproval({ ...more, requirement: resolveRequirement(configOf(then), ask) });
  let today = { config: configOf(then), policy: policyWith(approval) };
  const current = () => currentApprovers(today.config, today.policy, personsOf(today.config, true), now);
  return {
    change: (text: string, policy = approval) => {
      today = { config: configOf(text), policy: policyWith(policy) };
    },
    say: (id: string, { at = soon, word = APPROVE, userGroups = [] as string[] } = {}): string => {
      const via = id === 'admin' ? 'api' : 'slack';
      const judged = judgeDecision(now, word, { id, via, userGroups } satisfies Approver, at, current());
      if (judged.kind === 'refused') return judged.reason;
      now = { ...now, decisions: withDecision(now.decisions, judged.decision) };
      if (judged.next !== 'pending') return judged.next;
      return missingText(tallyOf(now)) || `${tallyOf(now).people} of ${now.requirement.quorum}`;
    },
    spend: (at = soon, factsOf?: (vote: Decision) => VoterFacts | null) => {
      const { missing, faults } = recount(now, current(), at, factsOf);
      return missing.length === 0 ? 'sent' : faults.join('; ') || missingText({ missing, orOf: [] });
    },
    votes: () => now.decisions,
  };
}

describe('quorum per group', () => {
  test('P1: one of each group; two of one group are not enough', () => {
    const { say, spend, votes } = room('approvers: { security: [U0MIRA, U0ALEX], dba: [U0DAN] }\n');
    assert.equal(say('U0MIRA'), '1 of dba still missing');
    assert.equal(say('U0MIRA'), 'already_voted');
    assert.equal(say('U0ALEX'), '1 of dba still missing');
    assert.equal(spend(), '1 of dba still missing');
    assert.equal(say('U0DAN'), 'approved');
    assert.equal(spend(), 'sent');
    assert.deepEqual(votes()[0]!.rights, [{ group: 'security', userGroup: null, standIn: null }]);
  });

  test('P1: one person in both groups fills one place, and is put where they are needed', () => {
    const first = room(GROUPS);
    assert.equal(first.say('U0BOTH'), '1 of dba (or of security) still missing');
    assert.equal(first.say('U0MIRA'), 'approved');
    const other = room(GROUPS);
    assert.equal(other.say('U0BOTH'), '1 of dba (or of security) still missing');
    assert.equal(other.say('U0DAN'), 'approved');
    const last = room(GROUPS);
    assert.equal(last.say('U0DAN'), '1 of security still missing');
    assert.equal(last.say('U0BOTH'), 'approved');
  });

  test('P1: one person by two accounts, each in another group, fills one place', () => {
    const people = 'people: { mira: { slack: U0MIRA, login: mira@example.com } }\n';
    const { say } = room(`${people}approvers: { security: [U0MIRA], dba: [mira, U0DAN] }\n`);
    assert.match(say('U0MIRA'), /still missing/);
    assert.equal(say('mira@example.com'), 'already_voted');
    assert.equal(say('U0DAN'), 'approved');
  });

  test('P1: people whom only a later file joins are one when the pass is spent', () => {
    const groups = (security: string, dba: string) => `approvers: { security: [${security}], dba: [${dba}] }\n`;
    const two = 'people: { mira: { slack: U0MIRA }, dan: { login: dan@example.com } }\n';
    const { say, spend, change } = room(`${two}${groups('mira', 'dan')}`);
    say('U0MIRA');
    assert.equal(say('dan@example.com'), 'approved');
    assert.equal(spend(), 'sent');
    change(`people: { mira: { slack: U0MIRA, login: dan@example.com } }\n${groups('mira', 'mira, U0DORA')}`);
    assert.equal(spend(), '1 of dba still missing');
  });

  test('P1: who left a group since does not fill its place; who is only in another one today does not either', () => {
    const { say, spend, change } = room(GROUPS);
    say('U0MIRA');
    assert.equal(say('U0DAN'), 'approved');
    change(GROUPS.replace('dba: [U0DAN, U0BOTH]', 'dba: [U0BOTH]'));
    assert.match(spend(), /U0DAN is no longer among the approvers/);
    change(GROUPS.replace('dba: [U0DAN, U0BOTH]', 'dba: [U0BOTH]').replace('U0MIRA,', 'U0MIRA, U0DAN,'));
    assert.match(spend(), /U0DAN is no longer/, 'then of dba, today of security');
    change(GROUPS);
    assert.equal(spend(), 'sent');
    change(GROUPS, '{ approvers: [security], quorum: { security: 1 } }');
    assert.match(spend(), /U0DAN is no longer among the approvers/, 'dba is asked no more');
    const both = room(GROUPS);
    both.say('U0MIRA');
    assert.equal(both.say('U0BOTH'), 'approved');
    both.change(GROUPS, '{ approvers: [security], quorum: { security: 1 } }');
    assert.equal(both.spend(), '1 of dba still missing', 'an approver still, but of security only');
  });

  test('P1: what the policy asks later changes no requirement that is frozen', () => {
    const { say, change } = room(GROUPS);
    change(GROUPS, '{ approvers: [security, dba], quorum: 1 }');
    assert.equal(say('U0MIRA'), '1 of dba still missing');
    assert.equal(say('U0DAN'), 'approved');
  });

  test('P1: whose group has no place cannot approve, and can deny', () => {
    const asked = '{ approvers: [security, dba, ops], quorum: { security: 1, dba: 1 } }';
    assert.equal(room(GROUPS, asked).say('U0OLGA'), 'no_place');
    assert.equal(room(GROUPS, asked).say('U0OLGA', { word: DENY }), 'denied');
    assert.equal(room(GROUPS, asked).say('U0EVE', { word: DENY }), 'not_an_approver');
    assert.equal(room(GROUPS, asked).say('U0DAN', { word: DENY }), 'denied', 'one denial is enough');
  });

  test('P1: further approvers fill any place from their time on, one each; groups with places only their own', () => {
    const asked = `{ approvers: [security, dba], quorum: { security: 1, dba: 1 }, escalate: { after: 10m, to: [ops, dba] } }`;
    const { say, spend } = room(GROUPS, asked);
    assert.equal(say('U0OLGA'), 'not_an_approver');
    assert.equal(say('U0OLGA', { at: late }), '1 of dba (or of security) still missing');
    assert.equal(say('U0DAN', { at: late }), 'approved');
    assert.equal(spend(late), 'sent');
    const two = room(GROUPS.replace('dba: [U0DAN, U0BOTH]', 'dba: [U0DAN, U0DORA]'), asked);
    two.say('U0DAN', { at: late });
    assert.equal(two.say('U0DORA', { at: late }), '1 of security still missing', 'dba does not become security by it');
  });

  test('P1: the owner fills no place, unless self_approval holds then and today; then one', () => {
    assert.equal(room(GROUPS, ASKED, { owner: 'U0MIRA' }).say('U0MIRA'), 'own_call');
    assert.equal(room(GROUPS, ASKED, { owner: 'U0MIRA' }).say('U0MIRA', { word: DENY }), 'denied');
    const grants = `grants: [{ name: release-bot, token_sha256: "${'a'.repeat(64)}", servers: [s], owner: U0BOTH, self_approval: true }]\n`;
    const own = room(`${GROUPS}${grants}`, ASKED, { owner: 'U0BOTH', selfApproval: true });
    assert.equal(own.say('U0BOTH'), '1 of dba (or of security) still missing');
    assert.equal(own.votes()[0]!.self, true);
    assert.equal(own.say('U0MIRA'), 'approved');
    own.change(GROUPS);
    assert.equal(own.spend(), 'U0BOTH owns the calling agent');
  });

  test('P1: an admin token that may be anybody’s fills no place beside others; a person’s fills one of its group', () => {
    const groups = 'approvers: { security: [U0MIRA], dba: [admin, U0DAN] }\n';
    const { say } = room(groups);
    assert.match(say('admin'), /1 of security .*still missing/);
    assert.equal(say('U0MIRA'), '1 of dba still missing');
    assert.equal(say('U0DAN'), 'approved');
    const people = 'people: { dan: { slack: U0DAN, admin_token: true }, mira: { slack: U0MIRA } }\n';
    const known = room(`${people}${groups}`);
    assert.match(known.say('admin'), /1 of security .*still missing/);
    assert.equal(known.say('U0DAN'), 'already_voted');
    assert.equal(known.say('U0MIRA'), 'approved');
  });

  test('P1: a member of user groups counts in each, as long as Slack says so', () => {
    const { say, spend } = room('approvers: { security: [S0SEC], dba: [S0DBA] }\n');
    assert.match(say('U0BOTH', { userGroups: ['S0SEC', 'S0DBA'] }), /1 of dba \(or of security\) still missing/);
    assert.equal(say('U0MIRA', { userGroups: ['S0SEC'] }), 'approved');
    const facts = (both: string[]) => (vote: Decision) => ({
      userGroups: vote.approver === 'U0BOTH' ? both : ['S0SEC'],
    });
    assert.equal(spend(soon, facts(['S0SEC', 'S0DBA'])), 'sent');
    assert.match(spend(soon, facts(['S0SEC'])), /1 of dba still missing/, 'left the group that was needed');
    assert.equal(spend(soon, facts(['S0DBA'])), 'sent');
    assert.match(spend(soon, facts([])), /U0BOTH is no longer in/);
  });
});

describe('stand-ins', () => {
  const UNTIL = '2026-08-01T10:15:00Z';
  const entry = (more = '') => `{ group: security, for: U0MIRA, by: U0ALEX, until: ${UNTIL} }${more}`;
  const standing = (groups = GROUPS, more = '') => `${groups}stand_ins: [${entry(more)}]\n`;
  const seen = (approval = '{ approvers: [security] }', groups = GROUPS) => room(standing(groups), approval);

  test('P1: who stands in decides in that group and in no other, until then, by the clock of the decision', () => {
    assert.equal(seen().say('U0ALEX'), 'approved');
    assert.equal(seen('{ approvers: [dba] }').say('U0ALEX'), 'not_an_approver');
    assert.equal(seen().say('U0ALEX', { at: new Date(Date.parse(UNTIL) - 1) }), 'approved');
    assert.equal(seen().say('U0ALEX', { at: new Date(UNTIL) }), 'not_an_approver');
    assert.equal(seen(ASKED).say('U0ALEX'), '1 of dba still missing');
    assert.equal(seen().say('U0ALEX', { word: DENY }), 'denied');
  });

  test('P1: the vote records in whose place it is', () => {
    const { say, votes } = seen();
    say('U0ALEX');
    const standIn = { group: 'security', for: 'U0MIRA', by: 'U0ALEX', until: '2026-08-01T10:15:00.000Z' };
    assert.deepEqual(votes()[0]!.rights, [{ group: null, userGroup: null, standIn }]);
    const own = room(standing('approvers: { security: [U0MIRA, U0ALEX] }\n'), '{ approvers: [security] }');
    own.say('U0ALEX');
    assert.equal(own.votes()[0]!.rights!.length, 2, 'as a member as well');
  });

  test('P1: neither a member and their stand-in, nor a stand-in who is a member, are two', () => {
    const two = '{ approvers: [security], quorum: 2 }';
    const away = room(standing(), two);
    assert.equal(away.say('U0MIRA'), '1 of 2');
    assert.equal(away.say('U0ALEX'), '1 of 2', 'in her place, which is taken');
    assert.equal(away.say('U0BOTH'), 'approved');
    const member = room(standing('approvers: { security: [U0MIRA, U0ALEX] }\n'), two);
    assert.equal(member.say('U0ALEX'), '1 of 2');
    assert.equal(member.say('U0ALEX'), 'already_voted');
    assert.equal(member.say('U0MIRA'), 'approved', 'he is a member himself, so her place is hers');
    const groups = room(standing('approvers: { security: [U0MIRA], dba: [U0ALEX, U0DAN] }\n'), ASKED);
    assert.match(groups.say('U0ALEX'), /^1 of dba \(or of security\) still missing|^1 of security \(or of dba\)/);
    assert.equal(groups.say('U0DAN'), 'approved');
  });

  test('P1: a vote in somebody’s place lapses when that is over before the call is sent, or no longer in the file', () => {
    const { say, spend, change } = seen();
    assert.equal(say('U0ALEX'), 'approved');
    assert.equal(spend(new Date(Date.parse(UNTIL) - 1)), 'sent');
    assert.equal(spend(new Date(UNTIL)), 'U0ALEX no longer stands in for U0MIRA');
    change(GROUPS);
    assert.equal(spend(), 'U0ALEX no longer stands in for U0MIRA');
    change(standing(GROUPS.replace('U0MIRA', 'U0MIRA, U0ALEX')));
    assert.equal(spend(), 'sent');
    change(standing().replace('U0MIRA, by', 'U0BOTH, by'));
    assert.equal(spend(), 'U0ALEX no longer stands in for U0MIRA', 'now for another');
    change(standing().replace(UNTIL, '2026-08-01T11:00:00Z'));
    assert.equal(spend(new Date(UNTIL)), 'sent', 'prolonged since');
  });

  test('P1: who stands in only since the call was asked decides on the next one', () => {
    const { say, change } = room(GROUPS, '{ approvers: [security] }');
    change(standing());
    assert.equal(say('U0ALEX'), 'not_an_approver');
  });

  test('P1: the owner approves in nobody’s place, and nobody in the owner’s; both may deny', () => {
    const owned = (owner: string) => room(standing(), '{ approvers: [security] }', { owner });
    assert.equal(owned('U0ALEX').say('U0ALEX'), 'own_call');
    assert.equal(owned('U0ALEX').say('U0ALEX', { word: DENY }), 'denied');
    assert.equal(owned('U0MIRA').say('U0ALEX'), 'stands_in_for_owner');
    assert.equal(owned('U0MIRA').say('U0ALEX', { word: DENY }), 'denied');
    const member = room(standing('approvers: { security: [U0MIRA, U0ALEX] }\n'), '{ approvers: [security] }', {
      owner: 'U0MIRA',
    });
    assert.equal(member.say('U0ALEX'), 'approved', 'as a member himself');
  });

  test('P1: nobody stands in for one who may not approve any more, and no admin token stands in', () => {
    const people = (roles: string) =>
      `people: { mira: { slack: U0MIRA, roles: [${roles}] }, alex: { slack: U0ALEX, admin_token: true } }\n`;
    const { say, change } = room(`${people('approver')}${standing()}`, '{ approvers: [security] }');
    assert.equal(say('admin'), 'not_an_approver');
    change(`${people('approver')}${GROUPS.replace('U0MIRA, ', '')}`);
    assert.equal(say('U0ALEX'), 'removed');
  });

  test('P1: who stands in for a further approver does so from the escalation on', () => {
    const text = `${GROUPS}stand_ins: [{ group: ops, for: U0OLGA, by: U0ALEX, until: 2026-09-01 }]\n`;
    const { say } = room(
      text,
      '{ approvers: [security], quorum: { security: 1 }, escalate: { after: 10m, to: [ops] } }',
    );
    assert.equal(say('U0ALEX'), 'not_an_approver');
    assert.equal(say('U0ALEX', { at: late }), 'approved');
  });

  const PEOPLE =
    'people: { mira: { slack: U0MIRA }, alex: { login: alex@example.com }, olga: { slack: U0OLGA, roles: [operator] } }\n';
  const cases: readonly [string, string, RegExp | null][] = [
    ['ids', entry(), null],
    ['names', `{ group: security, for: mira, by: alex, until: ${UNTIL} }`, null],
    [
      'an unknown group',
      entry().replace('security', 'legal'),
      /stand_ins\[0\]\.group: is "legal" \(expected one of the groups/,
    ],
    ['an unknown name', entry().replace('U0ALEX', 'alec'), /stand_ins\[0\]\.by: is "alec", whom nobody knows/],
    [
      'one whom the group does not list',
      entry().replace('U0MIRA', 'U0DAN'),
      /stand_ins\[0\]\.for: is U0DAN, whom security does not list by name/,
    ],
    ['oneself', entry().replace('U0ALEX', 'U0MIRA'), /stand_ins\[0\]\.by: mira would stand in for themselves/],
    ['oneself by another name', entry().replace('U0ALEX', 'mira'), /would stand in for themselves/],
    ['one who may not approve', entry().replace('U0ALEX', 'olga'), /stand_ins\[0\]\.by: olga may not approve/],
    ['no instant', entry().replace(UNTIL, 'tomorrow'), /stand_ins\[0\]\.until: is "tomorrow" \(expected the instant/],
    ['no until', '{ group: security, for: U0MIRA, by: U0ALEX }', /stand_ins\[0\]\.until/],
    ['an unknown key', entry().replace('until', 'util'), /stand_ins\[0\]\.util/],
    ['the same twice', `${entry()}, ${entry()}`, /stand_ins\[1\]: says the same as stand_ins\.0/],
    [
      'two for one',
      `${entry()}, ${entry().replace('U0ALEX', 'U0DAN')}`,
      /stand_ins\[1\]: gives mira a second stand-in/,
    ],
    ['one for two', `${entry()}, ${entry().replace('U0MIRA', 'U0BOTH')}`, null],
    [
      'a chain',
      `${entry()}, { group: security, for: U0BOTH, by: U0MIRA, until: ${UNTIL} }`,
      /stand_ins\[0\]\.for: mira stands in for U0BOTH \(stand_ins\.1\), so U0ALEX cannot/,
    ],
    [
      'a circle',
      `${entry().replace('U0ALEX', 'U0BOTH')}, { group: security, for: U0BOTH, by: U0MIRA, until: ${UNTIL} }`,
      /mira stands in for U0BOTH/,
    ],
    ['a chain over two groups is none', `${entry()}, { group: dba, for: U0DAN, by: U0MIRA, until: ${UNTIL} }`, null],
    ['no list', 'nobody', null],
  ];
  for (const [what, entries, fault] of cases) {
    test(`stand_ins: ${what}`, () => {
      const text = `${HEAD}${PEOPLE}${GROUPS.replace('U0OLGA', 'U0OTTO')}stand_ins: ${what === 'no list' ? 'nobody' : `[${entries}]`}\n`;
      const parsed = parseConfig(text, { path: 'holdfast.yaml', env: {}, now: OPENED });
      const found = parsed.ok ? '' : parsed.faults.map(faultText).join('\n');
      if (what === 'no list') assert.match(found, /stand_ins: is "nobody" \(expected a list of/);
      else if (fault === null) assert.equal(found, '');
      else assert.match(found, fault);
    });
  }

  test('one that is over is a warning, not a fault, and neither a chain nor a second one', () => {
    const warned: string[] = [];
    const text = `${HEAD}${GROUPS}stand_ins: [${entry()}, { group: security, for: U0BOTH, by: U0MIRA, until: 2027-01-01 }]\n`;
    const after = new Date(UNTIL);
    const warn = (path: string, message: string) => void warned.push(`${path}: ${message}`);
    const parsed = parseConfig(text, { path: 'holdfast.yaml', env: {}, now: after, warn });
    assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(faultText).join('\n'));
    assert.equal(parsed.config.standIns!.length, 1);
    assert.deepEqual(warned, [
      'stand_ins.0.until: is 2026-08-01T10:15:00.000Z, which is past: U0ALEX does not stand in for U0MIRA any more',
    ]);
  });

  test('more than a hundred are a fault', () => {
    const many = Array.from({ length: 101 }, () => entry()).join(', ');
    const parsed = parseConfig(`${HEAD}${GROUPS}stand_ins: [${many}]\n`, {
      path: 'holdfast.yaml',
      env: {},
      now: OPENED,
    });
    assert.match(
      parsed.ok ? '' : parsed.faults.map(faultText).join('\n'),
      /stand_ins: has 101 entries \(expected at most 100\)/,
    );
  });
});

describe('the file', () => {
  const load = async (approval: string, groups = GROUPS, all = '') => {
    const policy = `version: "1"\ndefault: deny\n${all}tools:\n  t: { action: require_approval, approval: ${approval} }\n`;
    const files = new Map([
      ['holdfast.yaml', `${HEAD}${groups}`],
      ['p.yaml', policy],
    ]);
    const loaded = await loadConfig({
      env: {},
      readFile: async (path) => (files.has(path) ? new TextEncoder().encode(files.get(path)) : null),
    });
    return loaded.ok ? [] : loaded.faults.map(faultText);
  };
  const cases: readonly [string, Parameters<typeof load>, RegExp | null][] = [
    ['both groups', [ASKED], null],
    ['a number, as before', ['{ quorum: 2 }'], null],
    [
      'a group that is no approver',
      ['{ approvers: [security], quorum: { security: 1, dba: 1 } }'],
      /p\.yaml:\d+:\d+: tools\.t\.approval\.quorum\.dba: dba is none of the approvers \(expected one of the approvers: security\)/,
    ],
    [
      'a group that is not there',
      ['{ quorum: { security: 1, legal: 1 } }'],
      /quorum\.legal: is "legal" \(expected one of the groups: security, dba, ops\)/,
    ],
    ['more than the group has', ['{ quorum: { ops: 2 } }'], /quorum\.ops: is 2, but only 1 of ops could approve/],
    [
      'one person for two places',
      ['{ quorum: { security: 1, dba: 1 } }', 'approvers: { security: [U0BOTH], dba: [U0BOTH] }\n'],
      /quorum: needs 2 people, but those listed could fill only 1 .*one person fills one/,
    ],
    [
      'one person by two accounts',
      [
        '{ quorum: { security: 2 } }',
        'people: { mira: { slack: U0MIRA, admin_token: true } }\napprovers: { security: [U0MIRA, admin] }\n',
      ],
      /quorum\.security: is 2, but only 1/,
    ],
    [
      'a user group, which may have any number',
      ['{ quorum: { security: 5 } }', 'approvers: { security: [S0SEC] }\n'],
      null,
    ],
    [
      'a closed group beside an open one',
      ['{ quorum: { security: 2, dba: 2 } }', 'approvers: { security: [U0MIRA], dba: [S0DBA] }\n'],
      /quorum\.security: is 2, but only 1/,
    ],
    [
      'who comes later fills any',
      [
        '{ approvers: [security], quorum: { security: 2 }, escalate: { after: 5m, to: [ops] } }',
        'approvers: { security: [U0MIRA], ops: [U0OLGA] }\n',
      ],
      null,
    ],
    ['none', ['{ quorum: {} }'], /quorum: names no group/],
    ['zero', ['{ quorum: { security: 0 } }'], /quorum\.security: is 0 \(expected at least 1\)/],
    [
      'too many in all',
      ['{ quorum: { security: 15, dba: 15 } }'],
      /quorum: is 30 people in all \(expected at most 20 in all\)/,
    ],
    ['a text', ['{ quorum: two }'], /quorum.*how many people must approve, from 1 to 20, or how many of which group/],
    [
      'of all tools, with approvers of its own',
      ['{ approvers: [dba] }', GROUPS, `all_tools: { approval: ${ASKED} }\n`],
      /quorum.*security is none of the approvers/,
    ],
    [
      'of all tools, and a number of its own',
      ['{ approvers: [dba], quorum: 1 }', GROUPS, `all_tools: { approval: ${ASKED} }\n`],
      null,
    ],
  ];
  for (const [what, given, fault] of cases) {
    test(`quorum: ${what}`, async () => {
      const found = await load(...given);
      if (fault === null) assert.deepEqual(found, []);
      else assert.match(found.join('\n'), fault);
    });
  }
});
