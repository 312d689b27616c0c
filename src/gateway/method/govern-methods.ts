import type { Principal } from '../../domain/call/call.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import { loggedName, loggedUri } from '../../domain/log/shown-uri.ts';
import {
  type Asked,
  type DeniedPart,
  judgeMethod,
  type MethodVerdict,
  watchedMethod,
} from '../../domain/policy/judge-method.ts';
import { isNeeded, METHODS, passesFreeze } from '../../domain/policy/methods.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { Spell } from '../../time/spell.ts';
import type { Gateway } from '../gateway.ts';
import type { MethodNote } from '../log/method-log.ts';

/** Who sends a message that is no tool call, and where to. */
export interface MethodCaller {
  readonly principal: Principal;
  readonly server: string;
  /** A digest; null where there is none. */
  readonly session: string | null;
}

/** One message, as policy and log see it. */
export interface AskedMessage extends Asked {
  readonly kind: 'notification' | 'request';
  /** The message is about a task that stands for a gated call, so the gateway answers it or has it answered. */
  readonly ownTask?: boolean;
  /** It does not name what it has to name in a way that can be judged; that matters where the policy has the section. */
  readonly misnamed?: { readonly section: 'either' | 'prompts' | 'resources'; readonly fault: string };
}

/** What to do with messages that are no tool calls. */
export type MethodsHandled =
  /** Relay them. `note` writes their events; call it before they are sent, and wait for it where they are several. */
  | { readonly kind: 'relay'; readonly note: () => Promise<void> | void }
  /** None is relayed. `index`: the first that policy denies. */
  | { readonly kind: 'denied'; readonly index: number; readonly reason: string; readonly part: DeniedPart }
  /** None is relayed, because the one at `index` cannot be judged. `fault`: what its member has to be. */
  | { readonly kind: 'misnamed'; readonly index: number; readonly fault: string }
  /** None is relayed: nothing new is forwarded. `index`: the first that a freeze stops. */
  | { readonly kind: 'frozen'; readonly index: number; readonly freeze: Freeze }
  /** They cannot be logged, so none is relayed (P7). */
  | { readonly kind: 'unlogged' };

type Needs = Pick<Gateway, 'journal' | 'knownFreezes' | 'methodLog' | 'rules'>;

/** URIs that are judged in one step, after which others may have a turn. */
const URIS_AT_ONCE = 50;

/**
 * Judges the messages of one request, none of which is a `tools/call`. All of them are relayed, or none. A denial is
 * logged here; while the log cannot be written, only what a session needs to live is relayed (P7). Resolves at once,
 * without a promise, for a single message.
 */
export function governMethods(
  gateway: Needs,
  caller: MethodCaller,
  messages: readonly AskedMessage[],
): MethodsHandled | Promise<MethodsHandled> {
  const { journal, rules } = gateway;
  if (!journal.writable && !messages.every(({ method }) => isNeeded(method))) {
    return journal.recovered().then((ok) => (ok ? governMethods(gateway, caller, messages) : { kind: 'unlogged' }));
  }
  const policy = rules.policy(caller.server);
  const [only] = messages;
  if (messages.length === 1 && only !== undefined && only.resources.length <= URIS_AT_ONCE) {
    return follow(gateway, caller, policy, messages, [judge(policy, only)]);
  }
  return judgeInPieces(policy, messages).then((verdicts) => follow(gateway, caller, policy, messages, verdicts));
}

/** Stops at the first denial. */
async function judgeInPieces(policy: Policy | null, messages: readonly AskedMessage[]): Promise<MethodVerdict[]> {
  const verdicts: MethodVerdict[] = [];
  const spell = new Spell();
  for (const message of messages) {
    const { resources } = message;
    let verdict = judge(policy, { ...message, resources: resources.slice(0, URIS_AT_ONCE) });
    for (let from = URIS_AT_ONCE; isClean(verdict) && from < resources.length; from += URIS_AT_ONCE) {
      await spell.rest();
      verdict = judge(policy, { ...message, prompts: [], resources: resources.slice(from, from + URIS_AT_ONCE) });
    }
    verdicts.push(verdict);
    if (verdict.kind === 'deny') break;
    await spell.rest();
  }
  return verdicts;
}

/** Nothing speaks against it so far. */
function isClean(verdict: MethodVerdict): boolean {
  return verdict.kind === 'allow' && verdict.watched === undefined;
}

function judge(policy: Policy | null, asked: AskedMessage): MethodVerdict {
  if (policy !== null) {
    const fault = faultFor(policy, asked);
    return fault === null ? judgeMethod(policy, asked) : watchedMethod(policy, misnamedVerdict(asked, fault));
  }
  const trace = { rule: 'none', risk: null, severity: null, reason: null, steps: [] };
  if (isNeeded(asked.method)) return { kind: 'allow', trace };
  const part = { kind: 'method', name: asked.method } as const;
  return { kind: 'deny', reason: 'this server has no policy', part, trace };
}

/** Without the section that would judge it, a message passes however it is formed: its server refuses it. */
function faultFor({ sections }: Policy, { misnamed }: AskedMessage): string | null {
  if (misnamed === undefined) return null;
  const { section, fault } = misnamed;
  if (section !== 'either') return sections[section] === null ? null : fault;
  return sections.resources === null && sections.prompts === null ? null : fault;
}

function misnamedVerdict({ method }: AskedMessage, fault: string): MethodVerdict {
  const trace = { rule: 'form', risk: null, severity: null, reason: fault, steps: [] };
  return { kind: 'deny', reason: fault, part: { kind: 'method', name: method }, trace };
}

function follow(
  { knownFreezes, methodLog }: Needs,
  caller: MethodCaller,
  policy: Policy | null,
  messages: readonly AskedMessage[],
  verdicts: readonly MethodVerdict[],
): MethodsHandled {
  const index = verdicts.length - 1;
  const last = verdicts[index];
  if (last?.kind === 'deny') {
    methodLog.note(noteOf(caller, policy, messages[index]!, last));
    if (last.trace.rule === 'form') return { kind: 'misnamed', index, fault: last.reason };
    return { kind: 'denied', index, reason: last.reason, part: last.part };
  }
  const frozen = whatFreezeStops(knownFreezes.over({ server: caller.server, grant: caller.principal.grant }), messages);
  if (frozen !== null) {
    const { freeze, index: at } = frozen;
    methodLog.note(noteOf(caller, policy, messages[at]!, frozenVerdict(messages[at]!, freeze)));
    return { kind: 'frozen', index: at, freeze };
  }
  const noteOne = (at: number): void => {
    const [message, verdict] = [messages[at]!, verdicts[at]!];
    if (verdict.kind === 'allow' && verdict.watched !== undefined) {
      methodLog.note({ ...noteOf(caller, policy, message, verdict.watched.said), type: 'method.would_deny' });
    }
    methodLog.note(noteOf(caller, policy, message, verdict));
  };
  const noteAll = async (): Promise<void> => {
    const spell = new Spell();
    for (const at of messages.keys()) {
      noteOne(at);
      await spell.rest();
    }
  };
  return { kind: 'relay', note: messages.length === 1 ? () => noteOne(0) : noteAll };
}

/** The first message that a freeze stops; null: none. A session goes on living; what makes a server act does not pass. */
function whatFreezeStops(
  freeze: Freeze | null,
  messages: readonly AskedMessage[],
): { readonly freeze: Freeze; readonly index: number } | null {
  if (freeze === null) return null;
  const stops = ({ method, resources }: AskedMessage): boolean =>
    !passesFreeze(method) || (method === 'subscriptions/listen' && resources.length > 0);
  const index = messages.findIndex(stops);
  return index < 0 ? null : { freeze, index };
}

function frozenVerdict({ method }: AskedMessage, { id, reason }: Freeze): MethodVerdict & { kind: 'deny' } {
  const trace = { rule: `freeze ${id}`, risk: null, severity: null, reason, steps: [] };
  return { kind: 'deny', reason: 'frozen', part: { kind: 'method', name: method }, trace };
}

const TYPES: Readonly<Record<string, MethodNote['type']>> = {
  'resources/read': 'resource.read',
  'prompts/get': 'prompt.got',
};

function noteOf(
  caller: MethodCaller,
  policy: Policy | null,
  message: AskedMessage,
  verdict: MethodVerdict,
): MethodNote {
  const { method, resources, prompts, kind, ownTask } = message;
  const known = METHODS.get(method);
  const denied = verdict.kind === 'deny';
  const named = denied && verdict.part.kind === 'resource' ? [verdict.part.name] : resources;
  const relayed = Object.hasOwn(TYPES, method) ? TYPES[method]! : 'method.relayed';
  return {
    type: denied ? 'method.denied' : relayed,
    grant: caller.principal.grant,
    server: caller.server,
    method: loggedName(method),
    countedAs: known === undefined ? null : method,
    denied: denied ? verdict.part.kind : null,
    noise: known?.noise === true && !denied,
    names: () => [...named.map(loggedUri), ...prompts.map(loggedName)],
    data: {
      ...(denied ? { reason: verdict.reason } : {}),
      kind,
      ...(ownTask === true ? { task: 'ours' } : {}),
      policy: policy?.digest ?? null,
      rule: loggedName(verdict.trace.rule),
      session: caller.session,
    },
  };
}
