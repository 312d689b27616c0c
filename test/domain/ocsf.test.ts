import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { readSecrets } from '../../src/config/secrets.ts';
import { EVENTS, type EventType } from '../../src/domain/log/event.ts';
import { ocsfLine } from '../../src/sink/ocsf.ts';
import { webhookSink } from '../../src/sink/webhook.ts';
import { TestClock } from '../support/clock.ts';

const AT = '2026-11-30T01:02:03.456Z';
const FIRST = '0'.repeat(64);
const CALL = { actor: 'grant:bot', approval: 'ap_1', server: 'tools', tool: 'create_key', grant: 'bot' };

/** A sealed event as the ledger hands it on. */
function chained(type: string, subject: object = CALL, data: object = {}) {
  const text = JSON.stringify({ at: AT, data, replica: 'one', type, ...subject });
  const hash = createHash('sha256').update(`${FIRST}\n7\n${text}`).digest('hex');
  return { n: 9, seq: 7, hash, text, agrees: true, ours: true, retired: false, copied: false };
}

type Line = ReturnType<typeof JSON.parse>;
const ocsf = (...of: Parameters<typeof chained>): Line => JSON.parse(ocsfLine(chained(...of)));

/** What OCSF 1.9.0 demands of an API Activity, and of the objects in it (events/application/api_activity.json and its parts). */
function demands(line: Line): string[] {
  const oneOf = (value: unknown, ...allowed: unknown[]): boolean => allowed.includes(value);
  const text = (value: unknown): boolean => typeof value === 'string' && value !== '';
  const some = (object: Line, ...names: string[]): boolean => names.some((name) => text(object?.[name]));
  const checks: Record<string, boolean> = {
    category_uid: line.category_uid === 6,
    class_uid: line.class_uid === 6003,
    activity_id: oneOf(line.activity_id, 0, 1, 2, 3, 4, 99),
    activity_name: text(line.activity_name),
    type_uid: line.type_uid === 600_300 + line.activity_id,
    time: Number.isSafeInteger(line.time) && line.time === Date.parse(AT),
    severity_id: oneOf(line.severity_id, 0, 1, 2, 3, 4, 5, 6, 99) && text(line.severity),
    status_id: oneOf(line.status_id, 0, 1, 2, 99) && text(line.status),
    metadata: text(line.metadata.version) && text(line.metadata.product.vendor_name),
    profiles: line.metadata.profiles.includes('ai_operation'),
    actor: some(line.actor.user, 'uid', 'name'),
    user_type: oneOf(line.actor.user.type_id, 0, 1, 2, 3, 4, 99),
    api: text(line.api.operation),
    service: line.api.service === undefined || some(line.api.service, 'name', 'uid'),
    src_endpoint: some(line.src_endpoint, 'ip', 'uid', 'name', 'hostname', 'svc_name'),
    dst_endpoint: line.dst_endpoint === undefined || some(line.dst_endpoint, 'ip', 'name', 'svc_name'),
    ai_agent: line.ai_agent === undefined || text(line.ai_agent.uid),
    message_context: line.message_context === undefined || some(line.message_context.service, 'name'),
    resources: (line.resources ?? []).every((one: Line) => some(one, 'name', 'uid')),
    raw_data: text(line.raw_data),
  };
  return Object.entries(checks).flatMap(([name, holds]) => (holds ? [] : [name]));
}

test('every type of event is a whole API Activity, about a call or about nothing', () => {
  const subjects = [CALL, { actor: 'holdfast', approval: null, server: null, tool: null, grant: null }];
  for (const type of EVENTS) {
    for (const subject of subjects) assert.deepEqual(demands(ocsf(type, subject)), [], type);
    assert.equal(ocsf(type).metadata.event_code, type);
  }
});

test('a call says who, where, what, and how it ended', () => {
  const data = { reason: 'not today', fingerprint: 'f1', session: 's1', method: 'tools/call' };
  const line = ocsf('call.denied', CALL, data);
  assert.deepEqual(
    [line.activity_id, line.activity_name, line.severity_id, line.status_id, line.status_detail],
    [99, 'Tool call denied by policy', 3, 2, 'not today'],
  );
  assert.deepEqual(line.ai_agent, { uid: 'bot', name: 'bot', type_id: 0, type: 'Unknown', instance_uid: 's1' });
  assert.deepEqual(line.api, { operation: 'tools/call', service: { name: 'tools' }, request: { uid: 'f1' } });
  assert.deepEqual(line.resources, [{ name: 'create_key', type: 'MCP tool' }]);
  assert.deepEqual(
    [line.metadata.correlation_uid, line.metadata.sequence, line.dst_endpoint.svc_name, line.unmapped],
    ['ap_1', 7, 'tools', data],
  );
});

test('people, the admin token, agents and the gateway are users of different types', () => {
  const user = (actor: string) => {
    const { uid, name, type_id } = ocsf('admin.read', { ...CALL, actor }).actor.user;
    return [uid, name, type_id];
  };
  assert.deepEqual(user('slack:U0MIRA'), ['slack:U0MIRA', 'U0MIRA', 1]);
  assert.deepEqual(user('admin'), ['admin', 'admin', 2]);
  assert.deepEqual(user('holdfast'), ['holdfast', 'holdfast', 3]);
  assert.deepEqual(user('grant:bot'), ['grant:bot', 'bot', 99]);
});

test('what matters most is most severe, and refusals are failures', () => {
  const kind = (type: EventType): number[] => [ocsf(type).severity_id, ocsf(type).status_id];
  assert.deepEqual(kind('seal.broken'), [5, 2]);
  assert.deepEqual(kind('log.went_back'), [5, 2]);
  assert.deepEqual(kind('call.unknown'), [4, 0]);
  assert.deepEqual(kind('call.allowed'), [1, 1]);
  for (const type of EVENTS.filter((one) => /refused|denied|failed|rejected/.test(one))) {
    assert.equal(kind(type)[1], 2, type);
  }
});

test('the chain can be followed in it, and a type of a newer release is still a line', () => {
  const line = ocsf('call.allowed');
  const { uid, sequence } = line.metadata;
  assert.equal(createHash('sha256').update(`${FIRST}\n${sequence}\n${line.raw_data}`).digest('hex'), uid);
  assert.deepEqual(demands(ocsf('thing.happened')), []);
});

test('the webhook sends the form that its variable names, and no other word is taken', async () => {
  const sent: string[] = [];
  const take = (async (_url: string, { body }: { body: string }) => {
    sent.push(body);
    return new Response(null, { status: 204 });
  }) as unknown as typeof fetch;
  const to = { url: 'https://siem.example/in', secret: 'what both ends know', clock: new TestClock(), fetch: take };
  await webhookSink({ ...to, form: 'ocsf' }).send([chained('call.allowed'), chained('freeze.set')]);
  assert.deepEqual(
    sent[0]!.split('\n').map((line) => line && JSON.parse(line).class_uid),
    [6003, 6003, ''],
  );
  await webhookSink(to).send([chained('call.allowed')]);
  assert.match(sent[1]!, /^\{"n":9,"seq":7,/);

  const read = (form: string) => {
    const faults: string[] = [];
    const env = {
      HOLDFAST_AUDIT_WEBHOOK: to.url,
      HOLDFAST_AUDIT_WEBHOOK_SECRET: to.secret,
      HOLDFAST_AUDIT_WEBHOOK_FORM: form,
    };
    const wrong = (name: string, _message: string, expected: string): void => void faults.push(`${name}: ${expected}`);
    const secrets = readSecrets({ env, folder: null, channel: null, wrong, warn: () => undefined });
    return [secrets.auditWebhook?.form, ...faults];
  };
  assert.deepEqual(read('ocsf'), ['ocsf']);
  assert.deepEqual(read(''), ['holdfast']);
  assert.deepEqual(read('cef'), ['holdfast', 'HOLDFAST_AUDIT_WEBHOOK_FORM: holdfast or ocsf']);
});
