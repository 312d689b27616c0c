import { isObject, type Json, type JsonObject, member } from '../domain/json/json.ts';
import type { EventType } from '../domain/log/event.ts';
import { grantNameOf } from '../domain/people/principal.ts';
import type { ChainedEvent } from '../ports.ts';
import { OCSF_KINDS } from './ocsf-kinds.ts';

/** The version of OCSF that the form is written for. */
export const OCSF_VERSION = '1.9.0';
const CLASS = 6003;

/**
 * One event in the form of OCSF: an API Activity (class 6003) with the profile for AI operations, as one line of JSON.
 * `raw_data` is the event's canonical text and `metadata.uid` its hash, so that the chain can be followed there too.
 */
export function ocsfLine({ seq, hash, text }: ChainedEvent): string {
  const event = JSON.parse(text) as Json;
  const type = textOf(event, 'type') ?? 'unknown';
  const [activity, name, severity, status] = OCSF_KINDS[type as EventType] ?? [99, type, 1, 0];
  const at = textOf(event, 'at');
  const subject = (member: 'server' | 'tool' | 'grant' | 'approval'): string | null => textOf(event, member);
  const [server, tool, grant, approval] = [subject('server'), subject('tool'), subject('grant'), subject('approval')];
  const data = member(event, 'data') ?? {};
  const why = textOf(data, 'reason');
  return JSON.stringify({
    activity_id: activity,
    activity_name: ACTIVITIES[activity] ?? name,
    category_uid: 6,
    category_name: 'Application Activity',
    class_uid: CLASS,
    class_name: 'API Activity',
    type_uid: CLASS * 100 + activity,
    type_name: `API Activity: ${ACTIVITIES[activity] ?? 'Other'}`,
    time: at === null ? 0 : Date.parse(at),
    severity_id: severity,
    severity: SEVERITIES[severity],
    status_id: status,
    status: STATUSES[status],
    ...(why === null ? {} : { status_detail: why }),
    message: [name, ...[server, tool].filter((each) => each !== null)].join(' '),
    metadata: {
      version: OCSF_VERSION,
      profiles: ['ai_operation'],
      product: { name: 'Holdfast', vendor_name: 'Holdfast' },
      log_name: 'audit',
      event_code: type,
      ...(hash === null ? {} : { uid: hash }),
      ...(seq === null ? {} : { sequence: seq }),
      ...(at === null ? {} : { original_time: at }),
      ...(approval === null ? {} : { correlation_uid: approval }),
    },
    actor: { user: userOf(textOf(event, 'actor') ?? 'unknown') },
    api: {
      operation: operationOf(type, tool, data),
      ...(server === null ? {} : { service: { name: server } }),
      ...requestOf(data),
    },
    src_endpoint: { name: grant ?? textOf(event, 'replica') ?? 'holdfast', ...addressOf(data) },
    ...(server === null ? {} : { dst_endpoint: { svc_name: server } }),
    ...(tool === null ? {} : { resources: [{ name: tool, type: 'MCP tool' }] }),
    ...(grant === null ? {} : { ai_agent: agentOf(grant, data) }),
    ...(server === null ? {} : { message_context: contextOf(server, data) }),
    unmapped: isObject(data) ? data : {},
    raw_data: text,
  });
}

const ACTIVITIES: Readonly<Record<number, string>> = { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' };
const SEVERITIES: Readonly<Record<number, string>> = {
  1: 'Informational',
  2: 'Low',
  3: 'Medium',
  4: 'High',
  5: 'Critical',
};
const STATUSES: Readonly<Record<number, string>> = { 0: 'Unknown', 1: 'Success', 2: 'Failure' };

/** `grant:NAME`, `slack:ID`, `admin`, `holdfast`, and the like. */
function userOf(actor: string): JsonObject {
  const [kind = actor, ...rest] = actor.split(':');
  const name = rest.length > 0 ? rest.join(':') : actor;
  const [type_id, type] = USERS[kind] ?? [1, 'User'];
  return { uid: actor, name, type_id, type };
}

const USERS: Readonly<Record<string, readonly [number, string]>> = {
  grant: [99, 'AI Agent'],
  admin: [2, 'Admin'],
  holdfast: [3, 'System'],
};

function operationOf(type: string, tool: string | null, data: Json): string {
  const method = textOf(data, 'method');
  if (method !== null) return method;
  if (tool !== null) return 'tools/call';
  return OPERATIONS[type] ?? type;
}

const OPERATIONS: Readonly<Record<string, string>> = {
  'resource.read': 'resources/read',
  'prompt.got': 'prompts/get',
  'tools.listed': 'tools/list',
};

function requestOf(data: Json): JsonObject {
  const fingerprint = textOf(data, 'fingerprint');
  return fingerprint === null ? {} : { request: { uid: fingerprint } };
}

function addressOf(data: Json): JsonObject {
  const address = textOf(data, 'address');
  return address === null ? {} : { ip: address };
}

/** The grant is the agent's lasting name; a session is one run of it. */
function agentOf(grant: string, data: Json): JsonObject {
  const session = textOf(data, 'session');
  return {
    uid: grant,
    name: grantNameOf(grant),
    type_id: 0,
    type: 'Unknown',
    ...(session === null ? {} : { instance_uid: session }),
  };
}

function contextOf(server: string, data: Json): JsonObject {
  const session = textOf(data, 'session');
  return { ai_role_id: 3, ai_role: 'Tool', service: { name: server }, ...(session === null ? {} : { uid: session }) };
}

function textOf(value: Json, name: string): string | null {
  const found = member(value, name);
  return typeof found === 'string' ? found : null;
}
