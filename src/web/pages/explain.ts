import { html } from 'hono/html';
import { inexactNumberIn } from '../../domain/json/exact-number.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { ASKING_FOR, type AskedKind, judgeMethod, type MethodVerdict } from '../../domain/policy/judge-method.ts';
import type { Verdict } from '../../domain/policy/verdict.ts';
import type { Html } from '../html/html.ts';
import { badge } from '../html/labels.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { ConfigView } from './config-view.ts';
import { policyTrace } from './policy-trace.ts';

/** The verdict on a call, or on another request, that is not made, with its reasons. Pure: nothing is counted, stored or sent. */
export function explainCall(config: ConfigView, body: Json): Html {
  const [server, tool, grant] = ['server', 'tool', 'grant'].map((field) => member(body, field));
  const policy = config.servers().find(({ name }) => name === server)?.policy ?? null;
  const agent = config.grants().find(({ name }) => name === grant);
  if (typeof server !== 'string' || policy === null) return fault('There is no such server, or it has no policy.');
  const what = member(body, 'what') ?? 'tool';
  if (typeof tool !== 'string' || tool === '') return fault(`Name a ${what === 'resource' ? 'URI' : what}.`);
  if (typeof what === 'string' && Object.hasOwn(ASKING_FOR, what)) {
    const verdict = judgeMethod(policy, ASKING_FOR[what as AskedKind](tool));
    return html`<p class="state-line">${verdictBadge(verdict)} ${visibleName(tool)} on ${visibleName(server)}</p>
      ${toldWhenDenied(verdict)}${policyTrace(verdict.trace)}`;
  }
  const args = argumentsOf(member(body, 'arguments'));
  if (typeof args === 'string') return fault(args);
  const { owner, selfApproval } = agent ?? { owner: null, selfApproval: false };
  const principal = { grant: agent?.name ?? 'nobody', owner, selfApproval };
  const params = { name: tool, arguments: args };
  const verdict = evaluate(policy, { principal, server, tool, args, session: null, params });
  const inexact = inexactNumberIn(String(member(body, 'arguments') ?? ''));
  return html`${inexact === null ? '' : html`<p class="notice">A double cannot keep ${visibleText(inexact)}. Where a condition, a limit or a person would judge it, the call is refused before any verdict; below it counts as ${String(Number(inexact))}.</p>`}
    <p class="state-line">${verdictBadge(verdict)} ${visibleName(tool)} on ${visibleName(server)}</p>
    ${toldWhenDenied(verdict)}
    ${verdict.kind !== 'deny' && verdict.limits.length > 0 ? html`<p>Counts against: ${verdict.limits.map((limit, i) => html`${i > 0 ? ', ' : ''}${visibleName(limit.counter)} (${limit.by} of ${limit.max})`)}</p>` : ''}
    ${agent !== undefined && !agent.servers.includes(server) ? html`<p class="notice">${visibleName(agent.name)} is not bound to this server, so its call would not get this far.</p>` : ''}
    ${policyTrace(verdict.trace)}`;
}

function toldWhenDenied(verdict: MethodVerdict | Verdict): Html {
  return verdict.kind === 'deny' ? html`<p>The agent would be told: <q>${visibleText(verdict.reason)}</q></p>` : html``;
}

function verdictBadge(verdict: MethodVerdict | Verdict): Html {
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

/** The arguments, or what is wrong with them. */
function argumentsOf(text: Json | undefined) {
  try {
    const parsed = JSON.parse(typeof text === 'string' && text.trim() !== '' ? text : '{}') as Json;
    return isObject(parsed) ? parsed : 'The arguments are not an object.';
  } catch (error) {
    return `The arguments are not JSON: ${(error as Error).message}`;
  }
}

function fault(message: string): Html {
  return html`<p class="notice bad">${visibleText(message)}</p>`;
}
