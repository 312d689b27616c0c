import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { slackSignature } from '../../../src/demo/slack/interactivity/delivery.ts';
import { requestHandler, slackReceiver } from '../../../src/slack/wire/receiver.ts';
import { SeenSignatures } from '../../../src/slack/wire/signature.ts';
import { quiet } from '../../support/log.ts';
import { CHANNEL, type DoorWorld, doorWorld } from '../../support/slack/door-world.ts';

const MIRA = { user: { id: 'U0MIRA', team_id: 'T0MAIN' }, team: { id: 'T0MAIN' }, api_app_id: 'A0HOLDFAST' };
const form = (payload: object): string => `payload=${encodeURIComponent(JSON.stringify(payload))}`;

describe('what comes in over HTTP', () => {
  let world: DoorWorld;
  before(async () => {
    world = await doorWorld();
  });
  after(() => world.close());

  /** The body of a genuine click as Slack would send it; it is not sent. */
  async function genuine(): Promise<{ id: string; body: string }> {
    const { id, ts } = await world.open();
    const { url } = { url: world.slack.interactivityUrl };
    world.slack.interactivityUrl = 'http://127.0.0.1:9/';
    await world.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts, actionId: 'approve' }).catch(() => undefined);
    world.slack.interactivityUrl = url;
    return { id, body: world.slack.deliveries.at(-1)!.body };
  }

  const now = () => Math.floor(Date.now() / 1000);
  const FORGERIES: Record<string, { forgery: () => object; status: number }> = {
    'signed with another secret': { forgery: () => ({ signature: `v0=${'0'.repeat(64)}` }), status: 401 },
    'without a signature': { forgery: () => ({ headers: { 'x-slack-signature': '' } }), status: 401 },
    'without a timestamp': { forgery: () => ({ headers: { 'x-slack-request-timestamp': '' } }), status: 401 },
    'with a signature in capitals': { forgery: () => ({ signature: 'V0=ABC' }), status: 401 },
    'six minutes old': { forgery: () => ({ timestamp: now() - 360 }), status: 401 },
    'six minutes from the future': { forgery: () => ({ timestamp: now() + 360 }), status: 401 },
    'dated "now"': { forgery: () => ({ timestamp: 'now' }), status: 401 },
    'dated 1e10': { forgery: () => ({ timestamp: '1e10' }), status: 401 },
    'of another content type': { forgery: () => ({ headers: { 'content-type': 'text/plain' } }), status: 415 },
    'sent as an event': { forgery: () => ({ headers: { 'content-type': 'application/json' } }), status: 400 },
    'at the edge of the five minutes': { forgery: () => ({ timestamp: now() - 290 }), status: 200 },
  };

  for (const [name, { forgery, status }] of Object.entries(FORGERIES)) {
    test(`P1: a click ${name} → ${status}`, async () => {
      const { id, body } = await genuine();
      const reaction = await world.slack.deliver(body, forgery());
      assert.equal(reaction.status, status);
      assert.equal(world.stateOf(id), status === 200 ? 'approved' : 'pending');
    });
  }

  test('P3: a recorded click that is played again decides nothing', async () => {
    const { id, body } = await genuine();
    const timestamp = now();
    assert.equal((await world.slack.deliver(body, { timestamp })).status, 200);
    world.approvals.set(id, { ...world.approvals.get(id)!, state: 'pending', decisions: [] });
    assert.equal((await world.slack.deliver(body, { timestamp })).status, 409);
    assert.equal(world.stateOf(id), 'pending');
  });

  test('a request that could not be served may come again', async () => {
    const { id, body } = await genuine();
    const timestamp = now();
    const url = world.slack.interactivityUrl;
    // No handler takes an unknown action, and the request does not count as seen.
    const unknown = body.replaceAll('approve', 'explode');
    assert.equal((await world.slack.deliver(unknown, { timestamp })).status, 404);
    assert.equal(world.slack.interactivityUrl, url);
    assert.equal(world.stateOf(id), 'pending');
  });

  const BODIES: Record<string, { body: string; status: number }> = {
    'no payload': { body: 'nothing=here', status: 400 },
    'ssl_check without a signature is no way in': { body: 'ssl_check=1&payload=%7B%7D', status: 404 },
    'a payload that is no JSON': { body: 'payload=%7Bnope', status: 400 },
    'a payload that is a list': { body: 'payload=%5B%5D', status: 400 },
    'two payloads': { body: 'payload=%7B%7D&payload=%7B%7D', status: 400 },
    'bytes that are no UTF-8': { body: 'payload=%7B%22a%22%3A%22%FF%22%7D', status: 404 },
    'a slash command': { body: 'command=%2Fapprove&text=x', status: 400 },
    'a click without an action': { body: form({ type: 'block_actions', ...MIRA, actions: [] }), status: 404 },
    'a click without a person': { body: form({ type: 'block_actions', actions: [] }), status: 500 },
    'a closed view': {
      body: form({ type: 'view_closed', ...MIRA, view: { callback_id: 'approve_view' } }),
      status: 404,
    },
    'a shortcut': { body: form({ type: 'shortcut', ...MIRA, callback_id: 'approve_view' }), status: 404 },
    'a submission of a view that is not ours': {
      body: form({ type: 'view_submission', ...MIRA, view: { callback_id: 'other', private_metadata: '' } }),
      status: 404,
    },
    'two actions at once': {
      body: form({ type: 'block_actions', ...MIRA, actions: [{ action_id: 'approve' }, { action_id: 'deny' }] }),
      status: 404,
    },
    'three megabytes': { body: `payload=${'x'.repeat(3_000_000)}`, status: 413 },
  };
  for (const [name, { body, status }] of Object.entries(BODIES)) {
    test(`${name} → ${status}`, async () => {
      assert.equal((await world.slack.deliver(body)).status, status);
    });
  }

  test('an empty signing secret is refused at once', () => {
    assert.throws(() => slackReceiver({ signingSecret: '', clock: world.clock, log: quiet }), /empty/);
  });
});

describe('the receiver', () => {
  const secret = 'shh';
  const request = (body: string) => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    return new Request('http://127.0.0.1/slack/events', {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded; charset=utf-8',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': slackSignature(secret, timestamp, body),
      },
      body,
    });
  };
  const clock = { now: () => new Date() };

  test('answers 503 when nothing was acknowledged in time, 500 when it threw, 404 when nobody took it', async () => {
    const handler = (process: Parameters<typeof requestHandler>[1]) =>
      requestHandler({ signingSecret: secret, clock, log: quiet, ackMs: 30 }, process)(request('payload=%7B%7D'));
    assert.equal((await handler(() => new Promise(() => {}))).status, 503);
    assert.equal((await handler(() => Promise.reject(new Error('no')))).status, 500);
    assert.equal((await handler(async () => {})).status, 404);
    const answer = await handler(async ({ ack }) => ack({ response_action: 'clear' }));
    assert.deepEqual([answer.status, await answer.json()], [200, { response_action: 'clear' }]);
  });

  test('what could not be served may come again, what was served may not', async () => {
    let fail = true;
    const handle = requestHandler({ signingSecret: secret, clock, log: quiet }, async ({ ack }) => {
      if (fail) throw new Error('no');
      await ack();
    });
    const again = request('payload=%7B%22n%22%3A1%7D');
    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) {
      statuses.push((await handle(again.clone())).status);
      fail = false;
    }
    assert.deepEqual(statuses, [500, 200, 409]);
  });

  test('remembers a bounded number of signatures, each for as long as it could be played again', () => {
    const seen = new SeenSignatures(3);
    const at = (s: number) => new Date(s * 1000);
    assert.equal(seen.add('a', at(0)), true);
    assert.equal(seen.add('a', at(590)), false);
    for (const name of ['b', 'c', 'd', 'e']) assert.equal(seen.add(name, at(591)), true);
    assert.equal(seen.add('e', at(600)), false);
  });
});
