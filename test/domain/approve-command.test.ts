import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { approvalsApproveCommand } from '../../src/cli/approvals/approve.ts';
import type { Printed } from '../../src/text/printed.ts';
import { keptTerminal } from '../support/terminal.ts';

const CALL = {
  id: 'apr_1',
  state: 'pending',
  arguments: { token: '[redacted]' },
  sent: { params: {}, meta: {}, headers: {} },
  server: 's',
  tool: 't',
  grant: 'bot',
  fingerprint: 'abc',
  decisions: [],
};

/** Runs the command against an API that has this approval. `answer`: what a person types at the terminal. */
async function approve(approval: object, more: { fingerprint?: string; yes?: boolean; answer?: string | null } = {}) {
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
  const { answer, ...options } = more;
  const asked: string[] = [];
  const askLine = async (question: Printed) => {
    asked.push(String(question));
    return answer ?? null;
  };
  try {
    const code = await approvalsApproveCommand(
      { id: 'apr_1', url, json: false, ...options },
      answer === undefined ? terminal : { ...terminal, askLine },
    );
    return { code, said: said(), posted, asked };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const POSTED = { decision: 'approve', reason: null };

test('P10: a value that only its name hides is not approved on the command line without a look', async () => {
  const byName = { hidden: { byPolicy: 0, byName: 1 } };
  const refused = await approve(byName, { yes: true });
  assert.deepEqual([refused.code, refused.posted], [1, []]);
  assert.match(refused.said, /^Not approved: 1 value is hidden because its name looks secret/);
  assert.match(refused.said, /approvals show apr_1, then approve it with --fingerprint/);
  const looked = await approve(byName, { fingerprint: 'abc' });
  assert.deepEqual([looked.code, looked.posted], [0, [{ ...POSTED, fingerprint: 'abc' }]]);
});

test('P10: nor is a call in which the agent sent the mark of a hidden value', async () => {
  const args = { note: '[redacted]', token: '[redacted]' };
  const refused = await approve({ arguments: args, hidden: { byPolicy: 1, byName: 0 } }, { yes: true });
  assert.deepEqual([refused.code, refused.posted], [1, []]);
  assert.match(refused.said, /also sent text that reads \[redacted\]/);
});

test('with --yes, what policy hides is approved at once, and no other call than the one that was read', async () => {
  for (const hidden of [{ byPolicy: 1, byName: 0 }, undefined]) {
    const { code, posted } = await approve({ hidden }, { yes: true });
    assert.deepEqual([code, posted], [0, [{ ...POSTED, fingerprint: 'abc' }]]);
  }
});

test('P10: where nobody can be asked, nothing is approved without --yes or the fingerprint', async () => {
  await assert.rejects(approve({}), /not approved.*give --yes, or the --fingerprint/);
  await assert.rejects(approve({}, { answer: null }), /not approved/);
});

test('P10: at a terminal it shows the whole call and asks', async () => {
  const call = {
    server: 'prometheus',
    tool: 'create_api_key',
    grant: 'bot',
    owner: 'U0SAM',
    rule: 'create_api_key',
    risk: 'write',
    severity: 'high',
    reason: 'Makes a credential.',
    requirement: { approvers: ['security'], people: ['U0MIRA', 'U0SAM'], userGroups: [], admin: true, quorum: 2 },
    decisions: [{ approver: 'U0MIRA', decision: 'approve', reason: null }],
    previousUnknown: 'ap_before',
    expiresAt: '2026-11-29T00:00:00Z',
  };
  const yes = await approve(call, { answer: 'y' });
  assert.deepEqual([yes.code, yes.posted], [0, [{ ...POSTED, fingerprint: 'abc' }]]);
  assert.deepEqual(yes.asked, ['Approve this call? [y/N] ']);
  for (const shown of ['write, severity high', 'Makes a credential.', 'rule         create_api_key', '2 of security']) {
    assert.ok(yes.said.includes(shown), `${shown} in ${yes.said}`);
  }
  // The owner may not approve his own agent's call, and Mira has.
  assert.match(yes.said, /missing: 1 of admin\n/);
  assert.match(yes.said, /same call +it may have run already: the outcome of ap_before is unknown/);
  for (const answer of ['n', '', 'yep', 'ye']) {
    const no = await approve(call, { answer });
    assert.deepEqual([no.code, no.posted], [1, []]);
    assert.match(no.said, /Not approved\. The call is still pending/);
  }
});

test('a call that was decided is not asked about', async () => {
  const { code, said, asked, posted } = await approve({ state: 'denied' }, { answer: 'y' });
  assert.deepEqual([code, asked, posted], [1, [], []]);
  assert.match(said, /Too late: apr_1 is already denied/);
});

/** Runs the command with several calls. `refused`: the answer to the decision. */
async function approveAll(
  calls: readonly object[],
  more: { yes?: boolean; answer?: string | null; fingerprint?: string; more?: string[] } = {},
  refused: object | null = null,
) {
  const posted: { path: string | undefined; body: unknown }[] = [];
  const given = new Map(
    calls.map((call, nth) => [`apr_${nth}`, { ...CALL, revision: nth, ...call, id: `apr_${nth}` }]),
  );
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const id = request.url?.split('/').at(-1)?.replace(/\?.*/, '') ?? '';
    if (request.method !== 'POST') return void response.end(JSON.stringify(given.get(id) ?? { items: [] }));
    posted.push({ path: request.url, body: JSON.parse(Buffer.concat(parts).toString()) });
    response.statusCode = refused === null ? 200 : 409;
    const items = [...given.values()].map((call) => ({ ...call, state: 'approved' }));
    response.end(JSON.stringify(refused ?? { items }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { terminal, said } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: 't' } });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [id, ...others] = [...given.keys()];
  const { answer, ...options } = more;
  const asked: string[] = [];
  const askLine = async (question: Printed) => {
    asked.push(String(question));
    return answer ?? null;
  };
  try {
    const code = await approvalsApproveCommand(
      { id: id!, more: others, url, json: false, ...options },
      answer === undefined ? terminal : { ...terminal, askLine },
    );
    return { code, said: said(), posted, asked };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test('P3: several calls are shown in full, asked about once, and approved by their fingerprints and revisions in one decision', async () => {
  const calls = [{ arguments: { name: 'one' } }, { arguments: { name: 'two' }, fingerprint: 'def' }];
  const { code, said, posted, asked } = await approveAll(calls, { answer: 'y' });
  assert.equal(code, 0);
  assert.deepEqual(asked, ['Approve all 2 calls? [y/N] ']);
  for (const has of [
    '"name": "one"',
    '"name": "two"',
    '1 of 2',
    '2 of 2',
    'apr_0 is now approved',
    'apr_1 is now approved',
  ])
    assert.ok(said.includes(has), has);
  const items = [
    { id: 'apr_0', fingerprint: 'abc', revision: 0 },
    { id: 'apr_1', fingerprint: 'def', revision: 1 },
  ];
  assert.deepEqual(posted, [{ path: '/api/decisions', body: { decision: 'approve', reason: null, items } }]);
  assert.deepEqual((await approveAll(calls, { yes: true })).posted, posted);
  for (const answer of ['n', '']) {
    const none = await approveAll(calls, { answer });
    assert.deepEqual([none.code, none.posted], [1, []]);
  }
});

test('P10: of several calls none is approved where one of them has to be looked at, or has ended, and what stood in the way is named', async () => {
  const hidden = { hidden: { byPolicy: 0, byName: 1 } };
  const unseen = await approveAll([{}, hidden], { yes: true });
  assert.deepEqual([unseen.code, unseen.posted], [1, []]);
  assert.match(unseen.said, /hidden because its name looks secret(.|\n)*approvals show apr_1/);
  const over = await approveAll([{}, { state: 'denied' }], { answer: 'y' });
  assert.deepEqual([over.code, over.posted, over.asked], [1, [], []]);
  assert.match(over.said, /apr_1 is already denied. None of the calls was decided/);
  const items = [{ id: 'apr_1', state: 'denied', why: 'already_decided', reason: 'It is over.' }];
  const refused = await approveAll([{}, {}], { answer: 'y' }, { error: 'changed', reason: 'None.', items });
  assert.equal(refused.code, 1);
  assert.match(refused.said, /None\. \(HTTP 409\)\n {2}apr_1 \(denied\): It is over\./);
  await assert.rejects(approveAll([{}, {}]), /give --yes/);
  await assert.rejects(approveAll([{}, {}], { fingerprint: 'abc' }), /--fingerprint is for one call/);
  await assert.rejects(approveAll([{}, {}], { more: ['apr_0'] }), /apr_0 is given twice/);
  await assert.rejects(approveAll(Array.from({ length: 26 }, () => ({}))), /at most 25 calls/);
});
