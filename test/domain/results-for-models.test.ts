import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StandingDenial } from '../../src/domain/allowance/allowance.ts';
import type { Approval } from '../../src/domain/approval/approval.ts';
import type { Freeze } from '../../src/domain/freeze/freeze.ts';
import { member } from '../../src/domain/json/json.ts';
import type { FullLimit } from '../../src/domain/policy/limit.ts';
import { frozenAnswerResult, frozenPassResult, frozenResult } from '../../src/mcp/protocol/frozen-result.ts';
import { overfullResult } from '../../src/mcp/protocol/overfull-result.ts';
import { noLongerAskedResult, unknownArgumentResult, unreasonedResult } from '../../src/mcp/protocol/reason-result.ts';
import {
  alarmResult,
  answerNotSentResult,
  approvalEndedResult,
  approverUncheckedResult,
  deniedResult,
  inexactValueResult,
  limitFullResult,
  notSentResult,
  pendingLimitResult,
  pendingResult,
  rateLimitedResult,
  resultText,
  standingDenialResult,
  type ToolResult,
  tooLongResult,
  unavailableResult,
  unjoinedResult,
  unsentResult,
  unshownResult,
  upstreamTaskCancelledResult,
} from '../../src/mcp/protocol/tool-results.ts';
import { OPENED, sampleApproval } from '../support/domain/approval.ts';

const LATER = new Date(OPENED.getTime() + 60 * 60_000);
const FREEZE: Freeze = { id: 'fz_1', scope: { kind: 'all' }, reason: 'an incident', by: 'U0OLGA', since: OPENED };
const FULL: FullLimit = {
  take: {
    ...{ server: 's', counter: 'keys', scope: 'grant', scopeValue: 'bot', window: { calendar: 'hour' } },
    ...{ max: '30', by: '1' },
  },
  resetsAt: LATER,
  retryAfter: 77,
};
const DENIAL = {
  ...{ id: 'dn_1', approval: 'ap_01k0example', grant: 'bot', server: 's', tool: 't', at: OPENED, until: LATER },
  ...{ like: {}, mayVary: [], reason: 'too many', by: 'mira', ended: null },
} as unknown as StandingDenial;
const of = (more: Parameters<typeof sampleApproval>[0] = {}): Approval => sampleApproval(more);
const ended = (state: Approval['state'], note: string | null = null, more: object = {}): ToolResult =>
  approvalEndedResult(of({ state, note, ...more }));
const NO = {
  ...{ approver: 'mira', person: null, choice: 'deny', reason: 'wrong role', via: 'slack', self: false, rights: [] },
  at: OPENED,
} as unknown as Approval['decisions'][number];

/** What the first line begins with, what the model is told to do, and after how many seconds waiting alone helps. */
const TABLE: readonly (readonly [what: string, ToolResult, begins: string, does: RegExp, retryAfter: number | null])[] =
  [
    ['denied by policy', deniedResult('no admins.'), 'Policy violation: ', /Do not repeat this call/, null],
    ['denied by a standing no', standingDenialResult(DENIAL), 'Denied by mira: ', /Do not repeat it; ask the/, null],
    ['denied', ended('denied', null, { decisions: [NO] }), 'Denied by mira: wrong role', /Do not repeat it; ask/, null],
    [
      'a denied answer',
      ended('denied', null, { decisions: [NO], answersTo: 'ap_0' }),
      'Denied by ',
      /answer it otherwise/,
      null,
    ],
    ['nobody’s call', unjoinedResult('Add it'), 'Nobody', /Do not repeat this call before that has changed/, null],
    ['a full limit', rateLimitedResult(FULL), 'Rate limited: ', /Try again in 77 seconds/, 77],
    ['a full limit after a yes', limitFullResult(of(), FULL), 'Rate limited: ', /exactly the same arguments/, 77],
    ['what nobody would see', unshownResult('x is unknown. Leave it out'), 'Policy violation: ', /Leave it out/, null],
    [
      'a number that is not exact',
      inexactValueResult({ pointer: '/params/arguments/n', kind: 'number', judge: 'an approver' }),
      'Policy violation: ',
      /Send it as a string/,
      null,
    ],
    ['too long', tooLongResult({ most: 10, length: 20, setting: null }), 'Policy violation: ', /Send less/, null],
    ['too many wait', pendingLimitResult(20), 'Waiting for approval: ', /Repeat it after some of the others/, null],
    [
      'joined too often',
      overfullResult({ kind: 'overjoined', of: 'minute', most: 60 }),
      'Rate limited: ',
      /in a minute/,
      60,
    ],
    [
      'too many callers',
      overfullResult({ kind: 'overjoined', of: 'grant', most: 200 }),
      'Rate limited: ',
      /Repeat it after some/,
      null,
    ],
    ['too many bytes', overfullResult({ kind: 'heavy', kept: 9, asked: 5, most: 10 }), 'Rate limited: ', /Col/, null],
    ['an alarm', alarmResult(null), 'Cannot decide: ', /Repeat the same call after that/, null],
    ['an alarm after a yes', unsentResult('alarm', of()), 'Cannot decide: ', /it stays approved/, null],
    ['no witness', unsentResult('witness', of()), 'Cannot send: ', /Repeat the same call in a minute/, 60],
    ['no store', unavailableResult('store'), 'Cannot decide: ', /Repeat the same call in a minute/, 60],
    [
      'pending',
      pendingResult(of(), OPENED, null),
      'Waiting for approval: ',
      /call the same tool again with exact/,
      null,
    ],
    [
      'running',
      pendingResult(of({ state: 'dispatched' }), OPENED, null),
      'Waiting for approval: ',
      /collect the outcome/,
      null,
    ],
    [
      'a pending answer',
      pendingResult(of({ answersTo: 'ap_0' }), OPENED, null),
      'Waiting for approval: ',
      /give the same answer/,
      null,
    ],
    ['Slack is silent', approverUncheckedResult(of(), 'silent'), 'Waiting for approval: ', /in a minute/, 60],
    ['Slack is off', approverUncheckedResult(of(), 'off'), 'Waiting for approval: ', /The operator has to/, null],
    ['not sent', notSentResult(of(), 'refused'), 'Not sent: ', /with exactly the same arguments in a minute/, 60],
    ['an answer not sent', answerNotSentResult(of(), 'refused'), 'Not sent: ', /same answer again in a minute/, 60],
    ['a cancelled task', upstreamTaskCancelledResult(), 'Cancelled: ', /Check the system before repeating/, null],
    ['expired', ended('expired'), 'Approval expired: ', /call again: that asks anew/, null],
    ['withdrawn', ended('withdrawn', 'the agent left'), 'Withdrawn: ', /call again: that asks anew/, null],
    ['lapsed', ended('lapsed', 'its time was over'), 'Approval lapsed: ', /call again: that asks anew/, null],
    ['unknown', ended('unknown', 'it was reset'), 'Outcome unknown: ', /Check the system before repeating/, null],
    ['not kept', ended('succeeded', 'too long'), 'Result not kept: ', /Calling again runs it once more/, null],
    ['collected', ended('failed'), 'Already answered: ', /Calling again asks for a new approval/, null],
    ['frozen', frozenResult(FREEZE), 'Frozen: ', /tell the person you work for/, null],
    ['frozen after a yes', frozenPassResult(of(), FREEZE), 'Frozen: ', /once the freeze is lifted, call again/, null],
    ['a frozen answer', frozenAnswerResult(of(), FREEZE), 'Frozen: ', /Send the same answer again once/, null],
    [
      'no reason',
      unreasonedResult({ server: 's', tool: 't', argument: true }),
      'Waiting for approval: ',
      /exactly the same arguments, and say in the argument holdfast_reason/,
      null,
    ],
    ['whose argument', unknownArgumentResult('s'), 'Cannot decide: ', /Ask for the list of tools/, null],
    ['asked in vain', noLongerAskedResult(), 'Not sent: ', /Repeat it/, null],
  ];

describe('What a model is told instead of a result', () => {
  for (const [what, result, begins, does, retryAfter] of TABLE) {
    test(`${what}: one line says what happened, and the others what to do`, () => {
      const { text } = result.content[0];
      const [first, ...rest] = text.split('\n');
      assert.ok(first!.startsWith(begins), first);
      assert.match(text, does);
      assert.ok(rest.length > 0 && rest.every((line) => line !== ''), text);
      assert.match(
        text,
        /Nothing was sent|not run|has run|may have run|not sent|not been sent|ran once|It ran once|has not finished|still waits/,
        'it says whether anything ran',
      );
      assert.ok(text.length < 1_200, `${text.length} characters`);
      const told = member(result._meta, 'holdfast/approval') ?? result._meta;
      const seconds = member(told, 'retryAfter') ?? member(told, 'holdfast/retryAfter') ?? null;
      assert.equal(seconds, retryAfter);
      const inWords = /in (\d+) seconds/.exec(text)?.[1] ?? (/in a minute/.test(text) ? '60' : null);
      assert.equal(inWords === null ? null : Number(inWords), retryAfter, 'words and number say the same');
      assert.equal(JSON.parse(resultText(result, true)).resultType, 'complete');
      assert.deepEqual([result.isError, 'structuredContent' in result], [true, false]);
    });
  }
});
