import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { AskedMessage } from '../../gateway/method/govern-methods.ts';
import { isOurTask } from '../../gateway/task/open-task.ts';

/** How many resources one `subscriptions/listen` may name. */
const MOST_SUBSCRIPTIONS = 1_000;

/** A message that names something in a way that cannot be judged. */
export interface MisnamedMessage {
  /** In words, for the sender: which member, and what it has to be. */
  readonly fault: string;
}

const NOTHING = { resources: [], prompts: [] } as const;

/**
 * What a message asks of its server, as policy judges it. A fault where a method of MCP does not name what it has to
 * name as a string: a server could take the value for one.
 */
export function askedOf(message: JsonObject, method: string): AskedMessage | MisnamedMessage {
  const kind = Object.hasOwn(message, 'id') ? 'request' : 'notification';
  const params = member(message, 'params');
  switch (method) {
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return named(params, 'uri', (uri) => ({ kind, method, resources: [uri], prompts: [] }));
    case 'prompts/get':
      return named(params, 'name', (name) => ({ kind, method, resources: [], prompts: [name] }));
    case 'completion/complete':
      return completion(params, kind);
    case 'subscriptions/listen':
      return subscription(params, kind);
    default:
      return { kind, method, ...looselyNamed(params, method), ...aboutTask(params, method) };
  }
}

function named(
  params: Json | undefined,
  name: string,
  asked: (value: string) => AskedMessage,
): AskedMessage | MisnamedMessage {
  const value = member(params, name);
  return typeof value === 'string' ? asked(value) : { fault: `params.${name} is a string` };
}

/** A completion is judged by what it completes, whatever else its reference names. */
function completion(params: Json | undefined, kind: AskedMessage['kind']): AskedMessage | MisnamedMessage {
  const ref = member(params, 'ref');
  const [type, uri, name] = ['type', 'uri', 'name'].map((each) => member(ref, each));
  if (type !== 'ref/prompt' && type !== 'ref/resource') {
    return { fault: 'params.ref.type is "ref/prompt" or "ref/resource"' };
  }
  if (type === 'ref/resource' && typeof uri !== 'string') return { fault: 'params.ref.uri is a string' };
  if (type === 'ref/prompt' && typeof name !== 'string') return { fault: 'params.ref.name is a string' };
  const method = 'completion/complete';
  return { kind, method, resources: texts([uri]), prompts: texts([name]) };
}

/** A subscription (2026-07-28) names resources in `params.notifications.resourceSubscriptions`. */
function subscription(params: Json | undefined, kind: AskedMessage['kind']): AskedMessage | MisnamedMessage {
  const method = 'subscriptions/listen';
  const where = 'params.notifications.resourceSubscriptions';
  const wanted = member(params, 'notifications');
  const uris = member(wanted, 'resourceSubscriptions');
  if (uris === undefined) return { kind, method, ...NOTHING };
  if (!Array.isArray(uris) || texts(uris).length < uris.length) return { fault: `${where} is a list of strings` };
  if (uris.length > MOST_SUBSCRIPTIONS) {
    return {
      fault: `${where} names ${uris.length} resources, and ${MOST_SUBSCRIPTIONS} are the most: open a second one`,
    };
  }
  return { kind, method, resources: texts(uris), prompts: [] };
}

/** Methods of extensions that read resources or prompts in other ways are judged by what they name as well. */
function looselyNamed(params: Json | undefined, method: string): Pick<AskedMessage, 'prompts' | 'resources'> {
  if (method.startsWith('resources/')) return { resources: texts([member(params, 'uri')]), prompts: [] };
  if (method.startsWith('prompts/')) return { resources: [], prompts: texts([member(params, 'name')]) };
  return NOTHING;
}

function aboutTask(params: Json | undefined, method: string): { readonly ownTask?: true } {
  if (!method.startsWith('tasks/')) return {};
  const id = isObject(params) ? member(params, 'taskId') : undefined;
  return typeof id === 'string' && isOurTask(id) ? { ownTask: true } : {};
}

function texts(values: readonly (Json | undefined)[]): string[] {
  return values.filter((value) => typeof value === 'string');
}
