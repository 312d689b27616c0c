import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scrub } from '../../src/main/process/scrub.ts';

const MARKER = 'm4rker';

describe('P8: a log line', () => {
  const carriers: Record<string, object> = {
    'a token': { token: MARKER },
    'a token, deep': { a: { b: [{ c: { slackBotToken: MARKER } }] } },
    headers: { request: { headers: { 'x-api': MARKER } } },
    arguments: { call: { arguments: { name: MARKER } } },
    'a password in an address': { err: new Error(`connect postgres://holdfast:${MARKER}@db/x failed`) },
    'what hangs on an error': { err: Object.assign(new Error('no'), { command: { args: ['AUTH', MARKER] } }) },
    'the cause of an error': {
      err: new Error('no', { cause: new Error(`Authorization: Bearer ${MARKER}`) }),
    },
    'a Slack token in words': { why: `refused xoxb-${MARKER}-1` },
    bytes: { kept: new TextEncoder().encode(MARKER) },
  };
  for (const [what, fields] of Object.entries(carriers)) {
    test(`does not carry ${what}`, () => {
      const line = JSON.stringify(scrub(fields));
      assert.ok(!line.includes(MARKER), line);
      assert.ok(!line.includes([...new TextEncoder().encode(MARKER)].join(',')), line);
    });
  }

  test('carries the rest', () => {
    const line = scrub({ approval: 'ap_1', err: new Error('outer', { cause: new Error('inner') }), ms: 3 });
    assert.equal(line.approval, 'ap_1');
    assert.equal(line.ms, 3);
    assert.match(JSON.stringify(line.err), /outer.*inner/);
  });

  test('ends where an object holds itself', () => {
    const round: Record<string, unknown> = {};
    round.round = round;
    assert.match(JSON.stringify(scrub(round)), /…/);
  });
});
