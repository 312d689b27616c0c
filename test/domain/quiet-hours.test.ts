import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stuckAsks } from '../../src/config/deciders.ts';
import { faultText } from '../../src/config/document/fault.ts';
import { type Loaded, loadConfig } from '../../src/config/load.ts';
import { currentApprovers, personsOf } from '../../src/config/persons.ts';
import { quietChannels } from '../../src/config/quiet-channels.ts';
import { resolveRequirement } from '../../src/config/requirement.ts';
import type { Approval, Decision } from '../../src/domain/approval/approval.ts';
import { judgeDecision } from '../../src/domain/approval/decide.ts';
import { recount } from '../../src/domain/approval/recount.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { channelFor } from '../../src/slack/place/routing.ts';
import { sampleApproval } from '../support/domain/approval.ts';

const NIGHT = new Date('2026-11-30T23:00:00Z');
const DAY = new Date('2026-11-30T12:00:00Z');
const HOURS = '{ from: "22:00", to: "07:00", zone: Europe/Berlin, to_group: oncall }';

const configOf = (
  quiet: string | null,
  groups = 'security: [U0MIRA, U0ALEX], oncall: [U0OLGA, U0OTTO]',
) => `version: "1"
servers: { s: { url: "http://127.0.0.1:1/", policy: p.yaml } }
approvers: { ${groups} }
approval: { approvers: [security]${quiet === null ? '' : `, quiet: ${quiet}`} }
`;
const policyOf = (approval = '{}') => `version: "1"
default: deny
tools: { t: { action: require_approval, approval: ${approval} } }
`;

async function load(config: string, policy = policyOf()) {
  const files: Readonly<Record<string, string>> = { 'c/holdfast.yaml': config, 'c/p.yaml': policy };
  const readFile = async (path: string) => (Object.hasOwn(files, path) ? new TextEncoder().encode(files[path]) : null);
  return loadConfig({ configPath: 'c/holdfast.yaml', env: {}, readFile });
}
async function good(config: string, policy = policyOf()): Promise<Loaded> {
  const loaded = await load(config, policy);
  assert.ok(loaded.ok, loaded.ok ? '' : loaded.faults.map(faultText).join('\n'));
  return loaded;
}
const askOf = ({ policies }: Loaded) => policies.get('s')!.exact.get('t')!.ask;
const askedAt = (loaded: Loaded, at: Date) => resolveRequirement(loaded.config, askOf(loaded), at);

describe('In quiet hours', () => {
  test('the config’s group is asked instead, frozen with the hours and whom it replaces', async () => {
    const loaded = await good(configOf(HOURS));
    const { groups, people, quiet } = askedAt(loaded, NIGHT);
    assert.deepEqual([groups, people], [['oncall'], ['U0OLGA', 'U0OTTO']]);
    const hours = { from: '22:00', to: '07:00', zone: 'Europe/Berlin', group: 'oncall' };
    assert.deepEqual(quiet, { ...hours, insteadOf: ['security'] });
    const byDay = askedAt(loaded, DAY);
    assert.deepEqual([byDay.groups, byDay.quiet], [['security'], undefined]);
  });

  test('a policy’s own hours come first, for one tool or for all, and none of them asks the same at any hour', async () => {
    const own = HOURS.replace('oncall', 'night').replace('}', ', channel: C0NIGHT }');
    const groups = 'security: [U0MIRA], oncall: [U0OLGA], night: [U0NINA]';
    const loaded = await good(configOf(HOURS, groups), policyOf(`{ quiet: ${own} }`));
    assert.deepEqual(askedAt(loaded, NIGHT).groups, ['night']);
    assert.deepEqual(quietChannels(loaded), ['C0NIGHT']);
    const all = `version: "1"\ndefault: deny\nall_tools: { approval: { quiet: ${own} } }\ntools: { t: { action: require_approval } }\n`;
    assert.deepEqual(askedAt(await good(configOf(HOURS, groups), all), NIGHT).groups, ['night']);
    assert.deepEqual(askedAt(await good(configOf(HOURS, groups), policyOf('{ quiet: none }')), NIGHT).groups, [
      'security',
    ]);
  });

  test('quorum, escalation and what else is asked stay, and places of groups are asked as by day', async () => {
    const terms = '{ quorum: 2, deny_reason: required, timeout: 1h, escalate: { after: 20m, to: [security] } }';
    const { quorum, denyReason, escalate, groups } = askedAt(await good(configOf(HOURS), policyOf(terms)), NIGHT);
    assert.deepEqual([quorum, denyReason, escalate?.groups, groups], [2, 'required', ['security'], ['oncall']]);
    const placed = await good(configOf(HOURS), policyOf('{ quorum: { security: 2 } }'));
    assert.deepEqual(askedAt(placed, NIGHT).groups, ['security']);
    assert.equal(askedAt(placed, NIGHT).quiet, undefined);
  });

  const FAULTS: readonly [what: string, config: string, policy: string, says: RegExp][] = [
    [
      'an unknown zone',
      configOf(HOURS.replace('Berlin', 'Atlantis')),
      policyOf(),
      /approval\.quiet\.zone: is "Europe\/Atlantis", which is no time zone/,
    ],
    [
      'hours that never end',
      configOf(HOURS.replace('07:00', '22:00')),
      policyOf(),
      /approval\.quiet\.to: is the same as from/,
    ],
    [
      'an unknown group',
      configOf(HOURS.replace('oncall', 'nobody')),
      policyOf(),
      /approval\.quiet\.to_group: is "nobody"/,
    ],
    [
      'a time that YAML reads as a number',
      configOf(HOURS.replace('"22:00"', '22')),
      policyOf(),
      /approval\.quiet\.from: .*in quotes/,
    ],
    [
      'an unknown group of a policy',
      configOf(null),
      policyOf(`{ quiet: ${HOURS.replace('oncall', 'nobody')} }`),
      /tools\.t\.approval\.quiet\.to_group: is "nobody"/,
    ],
    [
      'places beside hours',
      configOf(null),
      policyOf(`{ quorum: { security: 1 }, quiet: ${HOURS} }`),
      /tools\.t\.approval\.quiet: is set, and quorum says how many of which group/,
    ],
    [
      'too few to answer',
      configOf(HOURS, 'security: [U0MIRA, U0ALEX], oncall: [U0OLGA]'),
      policyOf('{ quorum: 2 }'),
      /quorum: is 2, but in quiet hours only 1 could approve, of oncall/,
    ],
    ['a strange word', configOf(HOURS.replace('}', ', forever: true }')), policyOf(), /forever/],
  ];
  for (const [what, config, policy, says] of FAULTS) {
    test(`${what} is a fault when the files are read`, async () => {
      const loaded = await load(config, policy);
      assert.ok(!loaded.ok);
      assert.match(loaded.faults.map(faultText).join('\n'), says);
    });
  }
});

test('a grant whose owner is alone on call is told of as one that nobody can answer at night', async () => {
  const grants = `grants: [{ name: g, token_sha256: "${'a'.repeat(64)}", servers: [s], owner: U0OLGA }]\n`;
  const stuckAt = async (groups: string) => {
    const { config, policies, secrets } = await good(configOf(HOURS, groups) + grants);
    const withSlack = { ...secrets, slackBotToken: 'xoxb' };
    return stuckAsks(config.grants[0]!, { config, policies, secrets: withSlack }).map(({ what, people }) => [
      what,
      people,
    ]);
  };
  assert.deepEqual(await stuckAt('security: [U0MIRA], oncall: [U0OLGA]'), [['t in quiet hours', 0]]);
  assert.deepEqual(await stuckAt('security: [U0MIRA], oncall: [U0OLGA, U0OTTO]'), []);
});

describe('P1: what was asked in quiet hours', () => {
  const approvalAt = (loaded: Loaded, at: Date): Approval =>
    sampleApproval({
      ...{ server: 's', tool: 't', grant: 'g', owner: null, createdAt: at },
      expiresAt: new Date(at.getTime() + 24 * 3_600_000),
      requirement: askedAt(loaded, at),
    });
  const today = (loaded: Loaded, approval: Approval) =>
    currentApprovers(loaded.config, loaded.policies.get('s')!, personsOf(loaded.config, false), approval);
  const said = (loaded: Loaded, approval: Approval, id: string, now = DAY): string => {
    const word = { choice: 'approve', reason: null, fingerprint: null } as const;
    const judged = judgeDecision(approval, word, { id, via: 'slack', userGroups: [] }, now, today(loaded, approval));
    return judged.kind === 'recorded' ? judged.next : judged.reason;
  };
  const vote = (approver: string): Decision => ({
    ...{ approver, choice: 'approve', reason: null, via: 'slack', self: false, userGroup: null, at: NIGHT },
  });
  const missing = (loaded: Loaded, approval: Approval, id: string) =>
    recount({ ...approval, decisions: [vote(id)] }, today(loaded, approval), DAY).missing.length;
  const morning = new Date('2026-12-01T09:00:00Z');

  test('is decided by that group, by day too, and by nobody else', async () => {
    const loaded = await good(configOf(HOURS));
    const approval = approvalAt(loaded, NIGHT);
    assert.equal(said(loaded, approval, 'U0OLGA', morning), 'approved');
    assert.equal(said(loaded, approval, 'U0MIRA', morning), 'not_an_approver');
    assert.equal(missing(loaded, approval, 'U0OLGA'), 0);
    const byDay = approvalAt(loaded, DAY);
    assert.equal(said(loaded, byDay, 'U0OLGA', NIGHT), 'not_an_approver');
    assert.equal(said(loaded, byDay, 'U0MIRA', NIGHT), 'approved');
    assert.equal(missing(loaded, byDay, 'U0OLGA'), 1);
  });

  for (const [what, changed] of [
    ['has no such hours any more', configOf(null)],
    [
      'names another group there',
      configOf(
        HOURS.replace('oncall', 'other'),
        'security: [U0MIRA, U0ALEX], oncall: [U0OLGA, U0OTTO], other: [U0NEW]',
      ),
    ],
    ['has taken the person out of the group', configOf(HOURS, 'security: [U0MIRA, U0ALEX], oncall: [U0OTTO, U0NEW]')],
  ] as const) {
    test(`does not run on its votes where today’s config ${what}`, async () => {
      const approval = approvalAt(await good(configOf(HOURS)), NIGHT);
      const now = await good(changed);
      assert.equal(said(now, approval, 'U0OLGA', morning), 'removed');
      assert.equal(missing(now, approval, 'U0OLGA'), 1);
      assert.equal(said(now, approval, 'U0NEW', morning), 'not_an_approver');
    });
  }

  test('other hours of the same group change nothing of it', async () => {
    const approval = approvalAt(await good(configOf(HOURS)), NIGHT);
    const now = await good(configOf(HOURS.replace('22:00', '23:30')));
    assert.equal(said(now, approval, 'U0OLGA', morning), 'approved');
  });

  test('P10: its card says so, goes to the channel that was frozen, and mentions nobody who sleeps', async () => {
    const loaded = await good(configOf(HOURS.replace('}', ', channel: C0NIGHT }')));
    const approval = approvalAt(loaded, NIGHT);
    const { content } = renderCard(approval);
    assert.match(content, /🌙 Quiet hours \(`22:00–07:00 Europe\/Berlin`\): asked of `oncall` instead of `security`\./);
    assert.match(content, /<@U0OLGA>/);
    assert.doesNotMatch(content, /U0MIRA|U0ALEX/);
    const routing = { channel: 'C0DAY', tools: { 's.t': 'C0TOOL' } };
    assert.equal(channelFor(routing, approval), 'C0NIGHT');
    assert.equal(channelFor(routing, approvalAt(loaded, DAY)), 'C0TOOL');
  });
});
