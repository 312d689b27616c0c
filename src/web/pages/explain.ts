import { html } from 'hono/html';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import type { Verdict } from '../../domain/policy/verdict.ts';
import { type Html, name, shown } from '../html/shown.ts';
import { badge } from '../html/wording.ts';
import type { Book } from './book.ts';
import { traceOf } from './trace.ts';

/** What policy would say of a call that is not made. Pure: nothing is counted, kept or sent. */
export function explain(book: Book, body: Json): Html {
  const [server, tool, grant] = ['server', 'tool', 'grant'].map((field) => member(body, field));
  const policy = book.servers().find((one) => one.name === server)?.policy ?? null;
  const agent = book.grants().find((one) => one.name === grant);
  if (typeof server !== 'string' || policy === null) return fault('There is no such server, or it has no policy.');
  if (typeof tool !== 'string' || tool === '') return fault('Name a tool.');
  const args = argumentsOf(member(body, 'arguments'));
  if (typeof args === 'string') return fault(args);
  const { owner, selfApproval } = agent ?? { owner: null, selfApproval: false };
  const principal = { grant: agent?.name ?? 'nobody', owner, selfApproval };
  const verdict = evaluate(policy, { principal, server, tool, args, session: null, params: {} });
  return html`<p class="state-line">${verdictBadge(verdict)} ${name(tool)} on ${name(server)}</p>
    ${verdict.kind === 'deny' ? html`<p>The agent would hear: <q>${shown(verdict.reason)}</q></p>` : ''}
    ${verdict.kind !== 'deny' && verdict.limits.length > 0 ? html`<p>Counts against: ${verdict.limits.map((limit, i) => html`${i > 0 ? ', ' : ''}${name(limit.counter)} (${limit.by} of ${limit.max})`)}</p>` : ''}
    ${agent !== undefined && !agent.servers.includes(server) ? html`<p class="notice">${name(agent.name)} is not bound to this server, so its call would not come this far.</p>` : ''}
    ${traceOf(verdict.trace)}`;
}

function verdictBadge(verdict: Verdict): Html {
  switch (verdict.kind) {
    case 'allow':
      return badge('good', 'allow');
    case 'ask':
      return badge('wait', 'ask');
    case 'deny':
      return badge('bad', 'deny');
    default:
      return verdict satisfies never;
  }
}

function argumentsOf(text: Json | undefined) {
  try {
    const parsed = JSON.parse(typeof text === 'string' && text.trim() !== '' ? text : '{}') as Json;
    return isObject(parsed) ? parsed : 'The arguments are not an object.';
  } catch (error) {
    return `The arguments are not JSON: ${(error as Error).message}`;
  }
}

function fault(words: string): Html {
  return html`<p class="notice bad">${shown(words)}</p>`;
}
