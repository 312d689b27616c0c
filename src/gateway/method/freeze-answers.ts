import { type Freeze, scopeWords } from '../../domain/freeze/freeze.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { Gateway } from '../gateway.ts';
import type { MethodCaller } from './govern-methods.ts';

/**
 * The freeze that stops the answers among these messages to what a server asked; null: none does. An empty result passes:
 * it answers a server's ping, without which a server may take its client for dead, and can answer no question of MCP's.
 * What is stopped is logged here.
 */
export function freezeOverAnswers(
  { knownFreezes, methodLog }: Pick<Gateway, 'knownFreezes' | 'methodLog'>,
  { principal, server, session }: MethodCaller,
  messages: readonly JsonObject[],
): Freeze | null {
  const { grant } = principal;
  const freeze = knownFreezes.over({ server, grant });
  if (freeze === null || !messages.some(acts)) return null;
  methodLog.note({
    type: 'method.denied',
    grant,
    server,
    method: 'answer',
    countedAs: 'answer',
    denied: 'method',
    noise: false,
    names: () => [],
    data: { reason: 'frozen', kind: 'answer', rule: `freeze ${freeze.id}`, scope: scopeWords(freeze.scope), session },
  });
  return freeze;
}

function acts(message: JsonObject): boolean {
  return member(message, 'method') === undefined && !isEmpty(member(message, 'result'));
}

function isEmpty(result: Json | undefined): boolean {
  return result !== undefined && isObject(result) && Object.keys(result).length === 0;
}
