import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { api } from '../../src/web/api/api.ts';

/** A gateway that only notes refusals. */
const gateway = {
  accessLog: { refused: () => undefined },
  reviewerGuesses: { wrong: () => null },
} as unknown as Gateway;
const door = api({ gateway, adminToken: 'the-right-one', addressOf: () => null, grants: {} } as never);

for (const [name, headers, says] of [
  ['without a token', {}, /^Send the admin token/],
  ['with a wrong token', { authorization: 'Bearer wrong' }, /^The token in Authorization is not the admin token/],
] as const) {
  test(`a request to the API ${name} is told so`, async () => {
    const answer = await door.request('http://127.0.0.1/api/approvals', { headers });
    assert.equal(answer.status, 401);
    assert.match(((await answer.json()) as { reason: string }).reason, says);
  });
}
