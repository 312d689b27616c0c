import type { SlackToken } from '../state/workspace.ts';
import type { WebApiMethod, World } from '../state/world.ts';
import { type Fields, isFields, text } from '../wire/fields.ts';
import { missingScope } from './channels.ts';
import { CHAT_METHODS } from './chat.ts';
import { CONVERSATION_METHODS } from './conversations.ts';
import { DIRECTORY_METHODS } from './directory.ts';
import { type InjectedFault, InjectedFaults } from './injected-faults.ts';
import type { Rates } from './rates.ts';
import { errorReply, type MethodReply } from './reply.ts';
import { VIEW_METHODS } from './views.ts';

const METHODS: Readonly<Record<string, WebApiMethod>> = {
  ...CHAT_METHODS,
  ...VIEW_METHODS,
  ...DIRECTORY_METHODS,
  ...CONVERSATION_METHODS,
};

/** Members that Slack takes as JSON text in a form. */
const JSON_MEMBERS = ['blocks', 'view', 'metadata', 'attachments'];

/** One call of the Web API, for the record. Tokens are left out. */
export interface ApiRequest {
  readonly method: string;
  readonly args: Fields;
  readonly at: number;
  /** HTTP status; 0 when the connection was closed instead. */
  readonly status: number;
  readonly answer: MethodReply | null;
}

export type ApiResponse =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly body: string;
    }
  | { readonly kind: 'hang-up' };

/** The Web API: who calls, may they, have they room, do it. */
export class WebApi {
  readonly faults = new InjectedFaults();
  readonly requests: ApiRequest[] = [];
  readonly #world: World;
  readonly #rates: Rates;
  readonly #pause: (ms: number) => Promise<void>;

  constructor(world: World, rates: Rates, pause: (ms: number) => Promise<void>) {
    this.#world = world;
    this.#rates = rates;
    this.#pause = pause;
  }

  async call(method: string, headers: { authorization?: string; type?: string }, raw: string): Promise<ApiResponse> {
    const parsed = argsOf(headers.type ?? '', raw);
    const args = 'ok' in parsed ? {} : parsed;
    const { token: inBody, ...told } = args;
    const bearer =
      headers.authorization?.match(/^Bearer\s+(\S+)$/i)?.[1] ?? (typeof inBody === 'string' ? inBody : null);
    const fault = this.#faultOf(method);
    const note = (status: number, answer: MethodReply | null) =>
      this.requests.push({ method, args: told, at: this.#world.now(), status, answer });

    if (fault?.kind === 'refuse-connection') {
      note(0, null);
      return { kind: 'hang-up' };
    }
    if (fault?.kind === 'http-500') {
      note(500, null);
      return { kind: 'answer', status: 500, headers: {}, body: 'Internal Server Error' };
    }
    const token = this.#world.workspace.tokens.get(bearer ?? '');
    const result =
      fault?.kind === 'ratelimited'
        ? { answer: errorReply('ratelimited'), retryAfter: fault.retryAfter ?? 1 }
        : fault?.kind === 'error'
          ? { answer: errorReply(fault.error), retryAfter: 0 }
          : this.#answer(method, bearer, token, parsed);
    const status = result.retryAfter > 0 ? 429 : 200;
    if (fault?.kind === 'drop-answer') {
      note(0, result.answer);
      return { kind: 'hang-up' };
    }
    note(status, result.answer);
    if (fault?.kind === 'slow') await this.#pause(fault.ms);
    return {
      kind: 'answer',
      status,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        ...(result.retryAfter > 0 ? { 'retry-after': String(result.retryAfter) } : {}),
        ...scopeHeaders(token, method),
      },
      body: JSON.stringify(result.answer),
    };
  }

  #faultOf(method: string): InjectedFault | null {
    return this.faults.take(method);
  }

  #answer(
    name: string,
    bearer: string | null,
    token: SlackToken | undefined,
    args: Fields | MethodReply,
  ): { answer: MethodReply; retryAfter: number } {
    const say = (answer: MethodReply, retryAfter = 0) => ({ answer, retryAfter });
    const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
    if (method === undefined) return say(errorReply('unknown_method', { req_method: name }));
    if (bearer === null) return say(errorReply('not_authed'));
    if (token === undefined) return say(errorReply('invalid_auth'));
    if (token.revoked) return say(errorReply('token_revoked'));
    if (token.kind !== method.token) return say(errorReply('not_allowed_token_type'));
    if (method.scope !== null && !token.scopes.includes(method.scope)) return say(missingScope(method.scope, token));
    if ('ok' in args && isAnswer(args)) return say(args);
    if (method.rate !== null) {
      const own = method.rate.per === undefined ? '' : (text(args, method.rate.per) ?? '');
      const wait = this.#rates.take(`${name} ${own}`, method.rate);
      if (wait > 0) return say(errorReply('ratelimited'), wait);
    }
    return say(method.run(this.#world, args, token));
  }
}

function scopeHeaders(token: SlackToken | undefined, method: string): Record<string, string> {
  if (token === undefined) return {};
  const needed = Object.hasOwn(METHODS, method) ? METHODS[method]?.scope : null;
  return {
    'x-oauth-scopes': token.scopes.join(','),
    ...(needed ? { 'x-accepted-oauth-scopes': needed } : {}),
  };
}

function isAnswer(value: Fields | MethodReply): value is MethodReply {
  return value.ok === false && typeof value.error === 'string';
}

/** The arguments of a call, from a form or from JSON. */
function argsOf(type: string, raw: string): Fields | MethodReply {
  if (type.toLowerCase().startsWith('application/json')) {
    const parsed = parsedJson(raw === '' ? '{}' : raw);
    if (!isFields(parsed)) return errorReply('invalid_json');
    const { ok: _, ...args } = parsed;
    return nested(args);
  }
  if (!type.toLowerCase().startsWith('application/x-www-form-urlencoded') && raw !== '') {
    return errorReply('invalid_post_type');
  }
  const { ok: _, ...args } = Object.fromEntries(new URLSearchParams(raw));
  return nested(args);
}

function nested(args: Fields): Fields | MethodReply {
  const out: Fields = { ...args };
  for (const name of JSON_MEMBERS) {
    const value = out[name];
    if (typeof value !== 'string') continue;
    const parsed = parsedJson(value);
    if (parsed === undefined) {
      if (name === 'blocks') return errorReply('invalid_blocks_format');
      if (name === 'metadata') return errorReply('invalid_metadata_format');
      return errorReply('invalid_arguments', {
        response_metadata: { messages: [`[ERROR] ${name} is not valid JSON`] },
      });
    }
    out[name] = parsed;
  }
  return out;
}

/** Undefined when it is not JSON. */
export function parsedJson(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
