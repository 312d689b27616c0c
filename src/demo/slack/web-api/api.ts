import type { SlackToken } from '../state/workspace.ts';
import type { World } from '../state/world.ts';
import { type Fields, textField } from '../wire/fields.ts';
import { argumentsOf, isReply } from './arguments.ts';
import { BLOCKS_METHODS } from './blocks.ts';
import { missingScope } from './channels.ts';
import { CHAT_METHODS } from './chat.ts';
import { CONVERSATION_METHODS } from './conversations.ts';
import { DIRECTORY_METHODS } from './directory.ts';
import { InjectedFaults } from './injected-faults.ts';
import type { WebApiMethod } from './method.ts';
import type { Rates } from './rates.ts';
import { errorReply, type MethodReply } from './reply.ts';
import { VIEW_METHODS } from './views.ts';

const METHODS: Readonly<Record<string, WebApiMethod>> = {
  ...CHAT_METHODS,
  ...BLOCKS_METHODS,
  ...VIEW_METHODS,
  ...DIRECTORY_METHODS,
  ...CONVERSATION_METHODS,
};

/** A recorded call of the Web API. Tokens are left out. */
export interface ApiRequest {
  readonly method: string;
  readonly args: Fields;
  readonly at: number;
  /** HTTP status; 0 if the connection was closed instead. */
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

/** The Web API: checks token, scope and rate, then runs the method. */
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

  async call(
    method: string,
    headers: { authorization: string | undefined; type: string | undefined },
    raw: string,
  ): Promise<ApiResponse> {
    const parsed = argumentsOf(headers.type ?? '', raw);
    const args = 'ok' in parsed ? {} : parsed;
    const { token: inBody, ...recorded } = args;
    const bearer =
      headers.authorization?.match(/^Bearer\s+(\S+)$/i)?.[1] ?? (typeof inBody === 'string' ? inBody : null);
    const fault = this.faults.take(method);
    const record = (status: number, answer: MethodReply | null) =>
      this.requests.push({ method, args: recorded, at: this.#world.now(), status, answer });

    if (fault?.kind === 'refuse-connection') {
      record(0, null);
      return { kind: 'hang-up' };
    }
    if (fault?.kind === 'http-500') {
      record(500, null);
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
      record(0, result.answer);
      return { kind: 'hang-up' };
    }
    record(status, result.answer);
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

  #answer(
    name: string,
    bearer: string | null,
    token: SlackToken | undefined,
    args: Fields | MethodReply,
  ): { answer: MethodReply; retryAfter: number } {
    const reply = (answer: MethodReply, retryAfter = 0) => ({ answer, retryAfter });
    const method = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
    if (method === undefined) return reply(errorReply('unknown_method', { req_method: name }));
    if (bearer === null) return reply(errorReply('not_authed'));
    if (token === undefined) return reply(errorReply('invalid_auth'));
    if (token.revoked) return reply(errorReply('token_revoked'));
    if (token.kind !== method.token) return reply(errorReply('not_allowed_token_type'));
    if (method.scope !== null && !token.scopes.includes(method.scope)) return reply(missingScope(method.scope, token));
    if ('ok' in args && isReply(args)) return reply(args);
    if (method.rate !== null) {
      const own = method.rate.per === undefined ? '' : (textField(args, method.rate.per) ?? '');
      const wait = this.#rates.take(`${name} ${own}`, method.rate);
      if (wait > 0) return reply(errorReply('ratelimited'), wait);
    }
    return reply(method.run(this.#world, args, token));
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
