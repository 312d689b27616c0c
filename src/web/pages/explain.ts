import { html } from 'hono/html';
import { type Json, member } from '../../domain/json/json.ts';
import { type ForeseenRefusal, foresee } from '../../domain/policy/foresee.ts';
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
  if (what === 'method' && tool === 'tools/call') return fault('Choose “a tool” to ask about tools/call.');
  if (typeof what === 'string' && Object.hasOwn(ASKING_FOR, what)) {
    const verdict = judgeMethod(policy, ASKING_FOR[what as AskedKind](tool));
    return html`<p class="state-line">${verdictBadge(verdict)} ${visibleName(tool)} on ${visibleName(server)}</p>
      ${watchedLine(verdict)}${toldWhenDenied(verdict)}${policyTrace(verdict.trace)}`;
  }
  const { owner, selfApproval } = agent ?? { owner: null, selfApproval: false };
  const principal = { grant: agent?.name ?? 'nobody', owner, selfApproval };
  const texts = { args: textOf(body, 'arguments'), params: textOf(body, 'params'), meta: textOf(body, 'meta') };
  const read = config.imagine({ principal, server, tool, texts });
  if (!read.ok) return fault(`${PART_NAMES[read.part]}: ${read.fault}.`);
  const verdict = foresee(policy, read.call, read.inexact);
  return html`<p class="state-line">${verdictBadge(verdict)} ${visibleName(tool)} on ${visibleName(server)}</p>
    ${watchedLine(verdict)}${toldWhenDenied(verdict)}
    ${'limits' in verdict && verdict.limits.length > 0 ? html`<p>Counts against: ${verdict.limits.map((limit, i) => html`${i > 0 ? ', ' : ''}${visibleName(limit.counter)} (${limit.by} of ${limit.max}${limit.shared === 'upstream' ? ', with all servers of its upstream' : ''})`)}</p>` : ''}
    ${agent !== undefined && !agent.servers.includes(server) ? html`<p class="notice">${visibleName(agent.name)} has no access to this server, so its call would be refused earlier.</p>` : ''}
    ${policyTrace(verdict.trace)}`;
}

/** What the policy says that is not enforced. */
function watchedLine(verdict: MethodVerdict | Verdict | ForeseenRefusal): Html {
  const watched = 'watched' in verdict ? verdict.watched : undefined;
  if (watched === undefined) return html``;
  return html`<p class="notice odd">Only watched: it would ${watched.said.kind}.</p>`;
}

function toldWhenDenied(verdict: MethodVerdict | Verdict | ForeseenRefusal): Html {
  const isTold = verdict.kind === 'deny' || verdict.kind === 'refused';
  return isTold ? html`<p>The agent would be told: <q>${visibleText(verdict.reason)}</q></p>` : html``;
}

function verdictBadge(verdict: MethodVerdict | Verdict | ForeseenRefusal): Html {
  switch (verdict.kind) {
    case 'allow':
      return badge('good', 'allow');
    case 'ask':
      return badge('wait', 'ask');
    case 'deny':
      return badge('bad', 'deny');
    case 'refused':
      return badge('bad', 'refused');
    default:
      return verdict satisfies never;
  }
}

const PART_NAMES = { args: 'Arguments', params: 'Other params', meta: '_meta' } as const;

/** What was typed into a field; nothing counts as an empty object. */
function textOf(body: Json, field: string): string {
  const text = member(body, field);
  return typeof text === 'string' && text.trim() !== '' ? text : '{}';
}

function fault(message: string): Html {
  return html`<p class="notice bad">${visibleText(message)}</p>`;
}
