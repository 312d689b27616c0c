import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { approvalDetails } from '../../src/cli/approvals/details.ts';
import { NOTHING_MORE } from '../../src/domain/call/sent.ts';
import { approvalJson } from '../../src/web/api/approval-json.ts';
import { inboxPage } from '../../src/web/pages/inbox.ts';
import { callInFull } from '../../src/web/pages/shown-call.ts';
import { callIntro } from '../../src/web/pages/waiting-card.ts';
import { currentOf, sampleApproval } from '../support/domain/approval.ts';

type Different = Parameters<typeof sampleApproval>[0];

/** What a page says, without its markup. */
const words = (page: unknown): string =>
  String(page)
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<');
const pageOf = (different: Different) => words(callInFull(sampleApproval(different), 'Arguments'));
const detailsOf = (different: Different) =>
  String(approvalDetails(JSON.parse(JSON.stringify(approvalJson(sampleApproval(different))))));
const inboxOf = (different: Different) =>
  words(
    inboxPage(
      {
        query: {},
        waiting: {
          items: [sampleApproval({ requirement: { admin: true }, ...different })],
          ...{ next: null, total: 1, matching: 1, mine: 1, before: 0 },
        },
        names: new Map(),
        others: new Map(),
        placeOf: () => ({ environment: null, account: null, description: null }),
        servers: [],
        grants: [],
        snoozed: [],
        earlier: new Map(),
        recent: [],
        approvers: (approval) => currentOf(approval),
      },
      { id: 'admin', userGroups: [] } as never,
      sampleApproval().createdAt,
    ),
  );

const SENT = {
  params: { options: { force: true }, 'a\u202eb': 'x\u200by' },
  meta: {
    'acme.com/tenant': 'north',
    'io.modelcontextprotocol/clientInfo': { name: 'case', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
  },
  headers: { 'mcp-param-region': 'eu' },
};

describe('P10: the page and the command line show what the card shows', () => {
  test('what is sent besides the arguments', () => {
    for (const shown of [pageOf({ sent: SENT }), detailsOf({ sent: SENT })]) {
      for (const part of [
        'params.options.force: true',
        'meta["acme.com/tenant"]: "north"',
        'header mcp-param-region: "eu"',
        'case 1',
        'elicitation (form)',
      ]) {
        assert.ok(shown.includes(part), `${part}\n${shown}`);
      }
      assert.match(shown, /also sent/i);
      assert.doesNotMatch(shown, /[\u202e\u200b]/);
      assert.doesNotMatch(shown, /clientInfo/);
    }
  });

  test('nothing more, no more words', () => {
    for (const shown of [pageOf({}), detailsOf({})]) assert.doesNotMatch(shown, /also sent|client|hidden/i);
  });

  test('how many values are hidden, and by what; text that only reads so is quoted', () => {
    const hidden = { arguments: { token: '[redacted]', n: ['[redacted]'] }, hidden: { byPolicy: 1, byName: 1 } };
    for (const shown of [pageOf(hidden), detailsOf(hidden)]) {
      assert.match(shown, /1 value is hidden because its name looks secret/);
      assert.match(shown, /1 value is hidden by policy/);
      assert.match(shown, /token"?: \[redacted\]/);
      assert.doesNotMatch(shown, /"\[redacted\]"/);
    }
    const forged = { arguments: { token: '[redacted]', note: 'a: "[redacted]"' } };
    for (const shown of [pageOf(forged), detailsOf(forged)]) {
      assert.match(shown, /"token": "\[redacted\]"/);
      assert.doesNotMatch(shown, /hidden/);
    }
    const both = {
      ...forged,
      arguments: { ...forged.arguments, seed: '[redacted]' },
      hidden: { byPolicy: 1, byName: 0 },
    };
    for (const shown of [pageOf(both), detailsOf(both)]) assert.match(shown, /you cannot tell which/);
  });

  test('the callers’ reasons', () => {
    const reasons = { statedReason: `first\u200b${'x'.repeat(900)}end`, laterReasons: ['second', 'third'] };
    for (const shown of [words(callIntro(sampleApproval(reasons))), detailsOf(reasons)]) {
      for (const part of ['xend', 'second', 'third', 'unverified']) assert.ok(shown.includes(part), part);
      assert.doesNotMatch(shown, /\u200b/);
    }
  });

  test('where the caller may have chosen what is hidden, the inbox offers no approval', () => {
    assert.doesNotMatch(inboxOf({}), /full call to approve/);
    assert.doesNotMatch(inboxOf({ hidden: { byPolicy: 1, byName: 0 } }), /full call to approve/);
    assert.match(inboxOf({ hidden: { byPolicy: 0, byName: 1 } }), /Open the full call to approve/);
  });

  test('what is sent besides the arguments counts towards what the inbox can show', () => {
    const long = { sent: { ...NOTHING_MORE, params: { big: 'x'.repeat(6_000) } } };
    assert.match(inboxOf(long), /Open the full call to approve/);
  });

  test('a member that objects inherit is a member', () => {
    const args = JSON.parse('{"__proto__":{"to":"prod"},"constructor":1}');
    for (const shown of [pageOf({ arguments: args }), detailsOf({ arguments: args })]) {
      assert.ok(shown.includes('"__proto__"') && shown.includes('"to": "prod"') && shown.includes('"constructor": 1'));
    }
  });
});
