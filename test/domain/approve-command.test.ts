import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { approvalsApproveCommand } from '../../src/cli/approvals/decide.ts';
import { keptTerminal } from '../support/terminal.ts';

const CALL = {
  id: 'apr_1',
  state: 'pending',
  arguments: { token: '[redacted]' },
  sent: { params: {}, meta: {}, headers: {} },
  fingerprint: 'abc',
};

/** Runs the command against an API that has this approval. */
async function approve(approval: object, fingerprint?: string) {
  const posted: unknown[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    if (request.method === 'POST') posted.push(JSON.parse(Buffer.concat(parts).toString()));
    response.end(JSON.stringify({ ...CALL, ...approval }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { terminal, said } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: 't' } });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { id: 'apr_1', url, json: false, ...(fingerprint === undefined ? {} : { fingerprint }) };
  const code = await approvalsApproveCommand(options, terminal);
  server.close();
  return { code, said: said(), posted };
}

const POSTED = { decision: 'approve', reason: null };

test('P10: a value that only its name hides is not approved on the command line without a look', async () => {
  const byName = { hidden: { byPolicy: 0, byName: 1 } };
  const refused = await approve(byName);
  assert.deepEqual([refused.code, refused.posted], [1, []]);
  assert.match(refused.said, /^Not approved: 1 value is hidden because its name looks secret/);
  assert.match(refused.said, /approvals show apr_1, then approve it with --fingerprint/);
  const looked = await approve(byName, 'abc');
  assert.deepEqual([looked.code, looked.posted], [0, [{ ...POSTED, fingerprint: 'abc' }]]);
});

test('P10: nor is a call in which the agent sent the mark of a hidden value', async () => {
  const args = { note: '[redacted]', token: '[redacted]' };
  const refused = await approve({ arguments: args, hidden: { byPolicy: 1, byName: 0 } });
  assert.deepEqual([refused.code, refused.posted], [1, []]);
  assert.match(refused.said, /itself sent text that reads \[redacted\]/);
});

test('what policy hides is approved at once', async () => {
  for (const hidden of [{ byPolicy: 1, byName: 0 }, undefined]) {
    const { code, posted } = await approve({ hidden });
    assert.deepEqual([code, posted], [0, [{ ...POSTED, fingerprint: null }]]);
  }
});
