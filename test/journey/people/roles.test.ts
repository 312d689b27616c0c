import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { rolesFor } from '../../../src/domain/people/access.ts';
import { ROLES, type Role } from '../../../src/domain/people/role.ts';
import { API_ROUTES } from '../../../src/web/openapi/api-routes.ts';
import { ADMIN_TOKEN } from '../../support/console/browser.ts';
import type { Jar } from '../../support/people/browserless.ts';
import { type PeopleWorld, peopleWorld } from '../../support/people/world.ts';

const PAGES = [
  '/',
  '/mine',
  '/activity',
  '/overview',
  '/oversight',
  '/allowances',
  '/freezes',
  '/audit',
  '/audit/export',
  '/policies',
  '/grants',
  '/people',
  '/tokens',
];
const WHO: Readonly<Record<Role, string>> = { auditor: 'ada', approver: 'mira', operator: 'olga' };

/** What nobody but the role may do, whatever else the table says. */
const CHANGES: readonly (readonly [string, string, Role])[] = [
  ['POST', '/api/approvals/ap_none/decisions', 'approver'],
  ['POST', '/api/approvals/ap_none/take-back', 'approver'],
  ['POST', '/api/approvals/ap_none/snooze', 'approver'],
  ['POST', '/api/approvals/ap_none/erase', 'operator'],
  ['POST', '/api/erasures', 'operator'],
  ['POST', '/api/freeze', 'operator'],
  ['DELETE', '/api/freeze/fz_none', 'operator'],
  ['DELETE', '/api/grants/none', 'operator'],
  ['POST', '/api/store/accept', 'operator'],
  ['POST', '/console/revoke', 'operator'],
  ['POST', '/console/tools', 'operator'],
];

describe('What each role opens', () => {
  let world: PeopleWorld;
  const jars = {} as Record<Role, Jar>;
  before(async () => {
    world = await peopleWorld();
    for (const role of ROLES) jars[role] = await world.signedIn(WHO[role]);
  });
  after(() => world.close());

  for (const role of ROLES) {
    it(`${role}: every route of the API and every page answers as the table says`, async () => {
      const routes = API_ROUTES.filter(({ auth }) => auth === 'admin' || auth === 'token');
      const asked = [
        ...routes.map(({ method, path }) => [method.toUpperCase(), path.replace(/\{\w+\}/g, 'none')] as const),
        ...PAGES.map((path) => ['GET', path] as const),
        ...CHANGES.map(([method, path]) => [method, path] as const),
      ];
      for (const [method, path] of asked) {
        const answer = await world.send(jars[role], method, path);
        const text = await answer.text();
        const may = rolesFor(method, path)?.includes(role) ?? false;
        const isRoleRefusal = answer.status === 403 && /"error":"role"|Not for your role/.test(text);
        assert.equal(isRoleRefusal, !may, `${role} ${method} ${path}: ${answer.status}`);
        assert.notEqual(answer.status, 401, `${method} ${path}`);
      }
    });

    it(`${role}: changes only what is theirs to change`, async () => {
      for (const [method, path, owner] of CHANGES) {
        const { status } = await world.send(jars[role], method, path, { reason: 'x', dryRun: true, decision: 'deny' });
        assert.equal(status === 403, role !== owner, `${role} ${method} ${path}: ${status}`);
      }
    });
  }

  it('an auditor reads everything', async () => {
    for (const path of PAGES) assert.equal((await jars.auditor.fetch(`${world.url}${path}`)).status, 200, path);
    for (const path of [
      '/api/approvals',
      '/api/events',
      '/api/events?type=admin.signed_in',
      '/api/events/export',
      '/api/checkpoints',
      '/api/grants',
      '/api/freeze',
      '/api/people',
      '/api/tokens',
      '/api/store/accept',
    ])
      assert.equal((await world.send(jars.auditor, 'GET', path)).status, 200, path);
  });

  it('a path that no rule names is closed to people', async () => {
    for (const path of ['/api/nothing', '/api/approvals/x/y/z', '/api//approvals', '/console/nothing']) {
      for (const role of ROLES) assert.equal((await world.send(jars[role], 'GET', path)).status, 403, path);
    }
  });

  it('an approver decides by the console as the same person as in Slack', async () => {
    const agent = await world.agent();
    const called = agent
      .callTool({ name: 'create_api_key', arguments: { name: 'x', role: 'viewer' } })
      .catch((error: unknown) => error);
    let id = '';
    for (let tries = 0; tries < 200 && id === ''; tries += 1) {
      const listed = await world.send(jars.approver, 'GET', '/api/approvals?state=pending');
      id = ((await listed.json()) as { items: { id: string }[] }).items[0]?.id ?? '';
    }
    const decided = await world.send(jars.approver, 'POST', `/api/approvals/${id}/decisions`, { decision: 'approve' });
    assert.equal(decided.status, 200, `${id}: ${await decided.clone().text()}`);
    const { decisions } = (await decided.json()) as { decisions: { approver: string; person: string; via: string }[] };
    assert.deepEqual(
      [decided.status, decisions[0]?.approver, decisions[0]?.person, decisions[0]?.via],
      [200, 'U0MIRA', 'mira', 'console'],
    );
    assert.doesNotMatch(JSON.stringify(await called), /Denied|refused/);
    const simple = await jars.approver.fetch(`${world.url}/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { origin: 'https://evil.example', 'content-type': 'application/json' },
      body: '{"decision":"approve"}',
    });
    assert.equal(simple.status, 403);
  });

  describe('Personal tokens', () => {
    const call = (token: string, method: string, path: string, body?: object): Promise<Response> =>
      fetch(`${world.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
    const make = async (
      role: Role,
      body: object = {},
    ): Promise<{ status: number; id: string; token: string; reason?: string }> => {
      const answer = await world.send(jars[role], 'POST', '/api/tokens', { name: 'script', role, days: 7, ...body });
      return { ...((await answer.json()) as { id: string; token: string }), status: answer.status };
    };

    it('do what their role does, as their person, until they are revoked', async () => {
      const { id, token, status } = await make('operator');
      assert.equal(status, 201);
      const frozen = await call(token, 'POST', '/api/freeze', { scope: 'all', reason: 'night' });
      const { by, id: freeze } = (await frozen.json()) as { by: string; id: string };
      assert.deepEqual([frozen.status, by], [201, 'U0OLGA']);
      assert.equal((await call(token, 'DELETE', `/api/freeze/${freeze}`, { reason: 'over' })).status, 200);
      assert.equal((await call(token, 'GET', '/api/events')).status, 403);
      assert.equal(
        (await call(token, 'POST', '/api/tokens', { name: 'more', role: 'operator' })).status,
        403,
        'a token makes no token',
      );
      assert.equal(
        (await world.send(jars.approver, 'DELETE', `/api/tokens/${id}`)).status,
        404,
        'not an approver’s to revoke',
      );
      assert.equal((await world.send(jars.operator, 'DELETE', `/api/tokens/${id}`)).status, 200);
      assert.equal((await call(token, 'GET', '/api/freeze')).status, 401);
      const events = await (await call(ADMIN_TOKEN, 'GET', '/api/events?limit=500')).text();
      for (const type of ['token.made', 'token.used', 'token.revoked']) assert.match(events, new RegExp(type));
      assert.doesNotMatch(events, new RegExp(token));
    });

    it('give no role that the person has not, last at most 90 days, and open no agents’ door', async () => {
      assert.equal((await make('auditor', { role: 'operator' })).status, 403);
      for (const days of [0, 91, 1.5, 'x']) assert.equal((await make('auditor', { days })).status, 400);
      const { token } = await make('auditor');
      assert.equal((await call(token, 'GET', '/api/events/export')).status, 200);
      assert.equal(
        (await call(token, 'POST', '/mcp/prometheus', { jsonrpc: '2.0', id: 1, method: 'tools/list' })).status,
        401,
      );
      const other = await fetch(`${world.url}/login`, {
        method: 'POST',
        headers: { origin: world.url },
        body: new URLSearchParams({ token, next: '/' }),
      });
      assert.equal(other.status, 401, 'it opens no console');
    });

    it('are listed to whom they belong, and to auditors; the admin token makes none', async () => {
      const { items } = (await (await world.send(jars.approver, 'GET', '/api/tokens')).json()) as { items: unknown[] };
      assert.deepEqual(items, []);
      const all = (await (await world.send(jars.auditor, 'GET', '/api/tokens')).json()) as {
        items: { token?: string }[];
      };
      assert.ok(all.items.length >= 2 && all.items.every(({ token }) => token === undefined));
      assert.equal((await call(ADMIN_TOKEN, 'POST', '/api/tokens', { name: 'x', role: 'auditor' })).status, 403);
    });
  });
});
