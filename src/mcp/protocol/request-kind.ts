import { type Json, member } from '../../domain/json/json.ts';

/** What a request asks for: its method, and the tool, prompt or resource that it names. */
export function requestKind(method: string, params: Json | undefined): string {
  const named = member(params, 'name') ?? member(params, 'uri');
  return typeof named === 'string' ? `${method} ${named}` : method;
}
