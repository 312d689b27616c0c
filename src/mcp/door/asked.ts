import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { loggedName } from '../../domain/log/shown-uri.ts';
import type { AskedMessage } from '../../gateway/method/govern-methods.ts';
import { isOurTask } from '../../gateway/task/open-task.ts';
import { foldName } from '../protocol/names.ts';

/** How many resources one `subscriptions/listen` may name where policy judges them. */
const MOST_SUBSCRIPTIONS = 1_000;

type Names = Pick<AskedMessage, 'misnamed' | 'prompts' | 'resources'>;

const NOTHING: Names = { resources: [], prompts: [] };

/**
 * What a message asks of its server, as policy judges it. `misnamed` where a method of MCP does not name what it has to
 * name as a string: a server could take the value for one.
 */
export function askedOf(message: JsonObject, method: string): AskedMessage {
  const kind = Object.hasOwn(message, 'id') ? 'request' : 'notification';
  const params = member(message, 'params');
  return { kind, method, ...namesIn(params, method), ...aboutTask(params, method) };
}

function namesIn(params: Json | undefined, method: string): Names {
  switch (method) {
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe':
      return resource('params.uri', member(params, 'uri'));
    case 'prompts/get':
      return prompt('params.name', member(params, 'name'));
    case 'completion/complete':
      return completed(member(params, 'ref'));
    case 'subscriptions/listen':
      return subscribed(member(params, 'notifications'));
    default:
      return looselyNamed(params, method);
  }
}

function resource(path: string, uri: Json | undefined): Names {
  if (typeof uri === 'string') return { resources: [uri], prompts: [] };
  return { ...NOTHING, misnamed: { section: 'resources', fault: `${path} must be a string` } };
}

function prompt(path: string, name: Json | undefined): Names {
  if (typeof name === 'string') return { resources: [], prompts: [name] };
  return { ...NOTHING, misnamed: { section: 'prompts', fault: `${path} must be a string` } };
}

const REF_MEMBERS = ['type', 'uri', 'name'];

/** The first member that only a lenient reader would take for one of these; null: there is none. */
function disguisedMember(object: Json | undefined, names: readonly string[]): string | null {
  const folded = new Set(names.map(foldName));
  const keys = isObject(object) ? Object.keys(object) : [];
  return keys.find((key) => !names.includes(key) && folded.has(foldName(key))) ?? null;
}

/** A completion is judged by what it completes. Whatever else its reference names is judged too. */
function completed(ref: Json | undefined): Names {
  const [type, uri, name] = REF_MEMBERS.map((each) => member(ref, each));
  const both = { resources: texts([uri]), prompts: texts([name]) };
  const disguised = disguisedMember(ref, REF_MEMBERS);
  if (disguised !== null) return { ...both, misnamed: { section: 'either', fault: almost(`params.ref.${disguised}`) } };
  if (type === 'ref/resource') return { ...both, ...resource('params.ref.uri', uri), prompts: both.prompts };
  if (type === 'ref/prompt') return { ...both, ...prompt('params.ref.name', name), resources: both.resources };
  return { ...both, misnamed: { section: 'either', fault: 'params.ref.type must be "ref/prompt" or "ref/resource"' } };
}

/** A subscription (2026-07-28) names resources in `params.notifications.resourceSubscriptions`. */
function subscribed(wanted: Json | undefined): Names {
  const uris = member(wanted, 'resourceSubscriptions');
  const disguised = disguisedMember(wanted, ['resourceSubscriptions']);
  if (disguised !== null) {
    return { ...NOTHING, misnamed: { section: 'resources', fault: almost(`params.notifications.${disguised}`) } };
  }
  if (uris === undefined) return NOTHING;
  const misnamed = (words: string): Names => {
    const fault = `params.notifications.resourceSubscriptions ${words}`;
    return { ...NOTHING, misnamed: { section: 'resources', fault } };
  };
  if (!Array.isArray(uris) || texts(uris).length < uris.length) return misnamed('must be a list of strings');
  if (uris.length > MOST_SUBSCRIPTIONS) {
    return misnamed(
      `names ${uris.length} resources, and ${MOST_SUBSCRIPTIONS} are the most. Open a second subscription`,
    );
  }
  return { resources: texts(uris), prompts: [] };
}

/** Methods of extensions that read resources or prompts in other ways are judged by what they name as well. */
function looselyNamed(params: Json | undefined, method: string): Names {
  if (method.startsWith('resources/')) return { resources: texts([member(params, 'uri')]), prompts: [] };
  if (method.startsWith('prompts/')) return { resources: [], prompts: texts([member(params, 'name')]) };
  return NOTHING;
}

function almost(path: string): string {
  return `${loggedName(path)} is spelt almost like a member of MCP. Write it exactly as MCP does, or leave it out`;
}

function aboutTask(params: Json | undefined, method: string): { readonly ownTask?: true } {
  const id = method.startsWith('tasks/') ? member(params, 'taskId') : undefined;
  return typeof id === 'string' && isOurTask(id) ? { ownTask: true } : {};
}

function texts(values: readonly (Json | undefined)[]): string[] {
  return values.filter((value) => typeof value === 'string');
}
