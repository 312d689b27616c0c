import { html } from 'hono/html';
import type { Clause, Limit, Policy, ToolRule } from '../domain/policy.ts';
import { isHidden, ruleFor } from '../domain/rule.ts';
import type { Book, ServerView } from './book.ts';
import { span } from './instant.ts';
import { type Html, name, shown } from './shown.ts';
import { badge, riskBadge } from './wording.ts';

/** Tools by server that were called but that no rule may name. */
export type Seen = readonly { readonly server: string; readonly tool: string }[];

export function policiesPage(book: Book, seen: Seen): Html {
  const servers = book.servers();
  return html`<div class="head"><h1>Policies</h1></div>
    <p class="dim">The rules as they stand now. They are changed in their files; a bad file never replaces a good one.</p>
    ${explainBox(book)}
    ${servers.map((server) => serverSection(server, seen))}`;
}

function explainBox(book: Book): Html {
  const options = (names: readonly string[]): Html =>
    html`${names.map((one) => html`<option value="${one}">${one}</option>`)}`;
  const tools = book.servers().flatMap((server) => [...(server.policy?.exact.keys() ?? [])]);
  return html`<section class="explain" aria-labelledby="explain-head"><h2 id="explain-head">What would policy say?</h2>
    <form data-explain action="/policies" method="get">
      <div><label for="x-server">Server</label><select id="x-server" name="server">${options(book.servers().map((server) => server.name))}</select></div>
      <div><label for="x-tool">Tool</label><input id="x-tool" name="tool" list="x-tools" required autocomplete="off" spellcheck="false"><datalist id="x-tools">${options([...new Set(tools)])}</datalist></div>
      <div><label for="x-grant">Agent</label><select id="x-grant" name="grant">${options(book.grants().map((grant) => grant.name))}</select></div>
      <div class="wide"><label for="x-args">Arguments, as JSON</label><textarea id="x-args" name="arguments" rows="4" spellcheck="false">{}</textarea></div>
      <div class="buttons wide"><button type="submit" class="main">Explain</button><span class="dim">Nothing is called, counted or kept.</span></div>
    </form>
    <div id="explained" role="region" aria-label="What policy says" aria-live="polite"></div></section>`;
}

function serverSection({ name: server, kind, policy }: ServerView, seen: Seen): Html {
  if (policy === null)
    return html`<section><h2>${name(server)}</h2><p class="notice bad">No policy: nothing is allowed.</p></section>`;
  const rules = [...policy.exact.values(), ...policy.globs.map((entry) => entry.rule)];
  const others = seen.filter((one) => one.server === server && !policy.exact.has(one.tool)).map((one) => one.tool);
  return html`<section aria-labelledby="p-${server}"><h2 id="p-${server}">${name(server)} <span class="dim">${kind}</span></h2>
    <p>Default ${actionBadge(policy.default)}
      ${policy.allTools.limits.length + policy.allTools.denyIf.length + policy.allTools.require.length + policy.allTools.askIf.length > 0 ? html`, for all tools: ${checks(policy.allTools)}` : ''}
      <span class="dim">file <code class="hash">${policy.digest.slice(0, 16)}</code></span></p>
    <table class="list"><thead><tr><th scope="col">Tool</th><th scope="col">Verdict</th><th scope="col">Risk</th><th scope="col">Rule</th><th scope="col">Checks and limits</th></tr></thead>
      <tbody>${rules.map((rule) => ruleRow(rule.key, rule, policy))}${others.map((tool) => ruleRow(tool, ruleFor(policy, tool), policy))}${hiddenRows(policy)}</tbody></table>
  </section>`;
}

function ruleRow(tool: string, rule: ToolRule | null, policy: Policy): Html {
  const action =
    isHidden(policy, tool) && !/[*?[]/.test(tool)
      ? html`${badge('bad', 'hidden')}`
      : actionBadge(rule?.action ?? policy.default);
  const governs = rule === null ? html`<code>default</code>` : html`<code>${name(`tools.${rule.key}`)}</code>`;
  return html`<tr><td>${name(tool)}</td><td>${action}</td><td>${rule === null ? '' : riskBadge(rule.risk, rule.severity)}</td><td>${governs}</td>
    <td>${rule === null ? '' : html`${rule.reason === null ? '' : html`<p>${shown(rule.reason)}</p>`}${checks(rule)}${asks(rule)}`}</td></tr>`;
}

function hiddenRows(policy: Policy): Html[] {
  return [...policy.hidden.exact]
    .filter((tool) => !policy.exact.has(tool))
    .map(
      (tool) =>
        html`<tr><td>${name(tool)}</td><td>${badge('bad', 'hidden')}</td><td></td><td><code>hide</code></td><td></td></tr>`,
    );
}

const ACTION_WORDS = {
  allow: ['good', 'allow'],
  deny: ['bad', 'deny'],
  require_approval: ['wait', 'ask'],
} as const;

function actionBadge(action: Policy['default']): Html {
  const [tone, words] = ACTION_WORDS[action];
  return badge(tone, words);
}

interface Checked {
  readonly denyIf: readonly Clause[];
  readonly require: readonly Clause[];
  readonly askIf: readonly Clause[];
  readonly limits: readonly Limit[];
}

function checks({ denyIf, require, askIf, limits }: Checked): Html {
  const line = (words: string, clauses: readonly Clause[]): Html[] =>
    clauses.map((clause) => html`<li><b>${words}</b> ${shown(clause.says)}</li>`);
  const all = [
    ...line('deny if', denyIf),
    ...line('require', require),
    ...line('ask if', askIf),
    ...limits.map((limit) => html`<li><b>limit</b> ${limitWords(limit)}</li>`),
  ];
  return all.length === 0 ? html`` : html`<ul class="checks">${all}</ul>`;
}

function limitWords(limit: Limit): Html {
  const window = 'calendar' in limit.window ? `a ${limit.window.calendar}` : `in ${span(limit.window.seconds * 1_000)}`;
  const of = 'from' in limit.by ? html` of ${name(limit.by.from.text)}` : '';
  return html`${limit.max}${of} ${window}, per ${limit.scope} <span class="dim">(${name(limit.counter)})</span>`;
}

function asks({ action, askIf, ask }: ToolRule): Html {
  if (action !== 'require_approval' && askIf.length === 0) return html``;
  const from = ask.approvers === null ? 'the default approvers' : ask.approvers.join(', ');
  return html`<p class="dim">${ask.quorum} of ${from}${ask.timeoutMs === null ? '' : `, within ${span(ask.timeoutMs)}`}</p>`;
}
