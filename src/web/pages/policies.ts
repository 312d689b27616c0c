import { html } from 'hono/html';
import { isToolName } from '../../domain/call/call.ts';
import type { Clause, Limit, Policy, ToolRule } from '../../domain/policy/policy.ts';
import { isHidden, ruleFor } from '../../domain/policy/rule.ts';
import type { ListedTool, ToolList } from '../../domain/tool/list.ts';
import { span } from '../html/instant.ts';
import { type Html, name, shown } from '../html/shown.ts';
import { badge, riskBadge } from '../html/wording.ts';
import type { GrantView, ServerView } from './book.ts';
import { type Listed, listedLine } from './tools-listed.ts';

export interface Policies {
  readonly servers: readonly ServerView[];
  readonly grants: readonly GrantView[];
  /** Tools that agents called lately. */
  readonly called: readonly { readonly server: string; readonly tool: string }[];
  readonly lists: ReadonlyMap<string, Listed>;
  /** Whether servers can be asked for their tools from here. */
  readonly mayAsk: boolean;
}

/** Every tool that agents can call, as its server lists it, with its risk and the rule that governs it. */
export function policiesPage(view: Policies): Html {
  return html`<div class="head"><h1>Policies</h1></div>
    <p class="dim">The rules as they stand now. They are changed in their files; a bad file never replaces a good one.</p>
    ${explainBox(view)}
    ${view.servers.map((server) => serverSection(server, view))}`;
}

function explainBox({ servers, grants, lists }: Policies): Html {
  const options = (names: readonly string[]): Html =>
    html`${names.map((one) => html`<option value="${one}">${one}</option>`)}`;
  const named = servers.flatMap((server) => [...(server.policy?.exact.keys() ?? [])]);
  const listed = [...lists.values()].flatMap(({ list }) => list.tools.map((tool) => tool.name));
  return html`<section class="explain" aria-labelledby="explain-head"><h2 id="explain-head">What would policy say?</h2>
    <form data-explain action="/policies" method="get">
      <div><label for="x-server">Server</label><select id="x-server" name="server">${options(servers.map((server) => server.name))}</select></div>
      <div><label for="x-tool">Tool</label><input id="x-tool" name="tool" list="x-tools" required autocomplete="off" spellcheck="false"><datalist id="x-tools">${options([...new Set([...named, ...listed])])}</datalist></div>
      <div><label for="x-grant">Agent</label><select id="x-grant" name="grant">${options(grants.map((grant) => grant.name))}</select></div>
      <div class="wide"><label for="x-args">Arguments, as JSON</label><textarea id="x-args" name="arguments" rows="4" spellcheck="false">{}</textarea></div>
      <div class="buttons wide"><button type="submit" class="main">Explain</button><span class="dim">Nothing is called, counted or kept.</span></div>
    </form>
    <div id="explained" role="region" aria-label="What policy says" aria-live="polite"></div></section>`;
}

function serverSection(server: ServerView, { called, lists, mayAsk }: Policies): Html {
  const { name: id, kind, policy } = server;
  const listed = lists.get(id) ?? null;
  if (policy === null)
    return html`<section><h2>${name(id)}</h2><p class="notice bad">No policy: nothing is allowed.</p></section>`;
  const { allTools } = policy;
  const forAll = allTools.limits.length + allTools.denyIf.length + allTools.require.length + allTools.askIf.length > 0;
  return html`<section aria-labelledby="p-${id}"><h2 id="p-${id}">${name(id)} <span class="dim">${kind}</span></h2>
    <p>Default ${actionBadge(policy.default)}${forAll ? html`, for all tools: ${checks(allTools)}` : ''}
      <span class="dim">file <code class="hash">${policy.digest.slice(0, 16)}</code></span></p>
    ${listedLine(server, listed, mayAsk)}
    <table class="list"><caption class="unseen">Tools of ${id} and the rules that govern them</caption>
      <thead><tr><th scope="col">Tool</th><th scope="col">Verdict</th><th scope="col">Risk</th><th scope="col">Rule</th><th scope="col">Checks and limits</th></tr></thead>
      <tbody>${rowsOf(
        policy,
        listed?.list ?? null,
        called.filter((one) => one.server === id).map((one) => one.tool),
      )}</tbody></table>
    ${listed !== null && listed.list.count > listed.list.tools.length ? html`<p class="notice">Only the first ${listed.list.tools.length} of ${listed.list.count} listed tools are shown.</p>` : ''}
  </section>`;
}

/** What the server lists first; then what only a rule names, patterns, what was called all the same, what is hidden. */
function rowsOf(policy: Policy, list: ToolList | null, called: readonly string[]): Html[] {
  const tools = list?.tools ?? [];
  const known = new Set(tools.map((tool) => tool.name));
  const unlisted = (names: Iterable<string>): string[] => [...new Set(names)].filter((one) => !known.has(one));
  const named = unlisted(policy.exact.keys());
  const others = unlisted(called).filter((one) => !policy.exact.has(one));
  const hidden = unlisted(policy.hidden.exact).filter((one) => !policy.exact.has(one) && !others.includes(one));
  const beside = list === null ? '' : 'not listed';
  return [
    ...tools.map((tool) => toolRow(policy, tool.name, tool, '')),
    ...named.map((tool) => toolRow(policy, tool, null, beside)),
    ...policy.globs.map(({ rule }) => patternRow(rule)),
    ...others.map((tool) => toolRow(policy, tool, null, list === null ? '' : 'called, not listed')),
    ...hidden.map((tool) => toolRow(policy, tool, null, beside)),
  ];
}

function toolRow(policy: Policy, tool: string, listed: ListedTool | null, beside: string): Html {
  const rule = ruleFor(policy, tool);
  const isGone = isHidden(policy, tool);
  const governs = isGone ? html`<code>hide</code>` : rule === null ? html`<code>default</code>` : keyOf(rule);
  return html`<tr><td>${name(tool)}${beside === '' ? '' : html` <span class="dim">${beside}</span>`}</td><td>${verdictOf(policy, rule, tool)}</td>
    <td>${riskOf(rule, listed)}</td><td>${governs}</td><td>${rule === null ? '' : ruleWords(rule)}</td></tr>`;
}

/** What policy says before the arguments are known. */
function verdictOf(policy: Policy, rule: ToolRule | null, tool: string): Html {
  if (isHidden(policy, tool)) return badge('bad', 'hidden');
  if (!isToolName(tool)) return html`${badge('bad', 'deny')} <span class="dim">no name that can be called</span>`;
  const changes = policy.drifted?.get(tool);
  const drift = changes === undefined || rule === null || rule.drift === 'allow' ? null : rule.drift;
  const action = rule?.action ?? policy.default;
  if (drift === null || action === 'deny') return actionBadge(action);
  return html`${actionBadge(drift === 'deny' ? 'deny' : 'require_approval')} <span class="dim">its ${changes!.join(' and ')} changed</span>`;
}

/** The policy's word; where it has none, what the tool looks like. */
function riskOf(rule: ToolRule | null, listed: ListedTool | null): Html {
  if (rule !== null && (rule.risk !== null || rule.severity !== null)) return riskBadge(rule.risk, rule.severity);
  if (listed === null) return html``;
  return html`<span class="dim" title="No rule states it: a guess by its name, words and shape">guess: ${listed.risk}, ${listed.severity}</span>`;
}

function patternRow(rule: ToolRule): Html {
  return html`<tr><td>${name(rule.key)} <span class="dim">pattern</span></td><td>${actionBadge(rule.action)}</td>
    <td>${riskBadge(rule.risk, rule.severity)}</td><td>${keyOf(rule)}</td><td>${ruleWords(rule)}</td></tr>`;
}

function keyOf(rule: ToolRule): Html {
  return html`<code>${name(`tools.${rule.key}`)}</code>`;
}

function ruleWords(rule: ToolRule): Html {
  return html`${rule.reason === null ? html`` : html`<p>${shown(rule.reason)}</p>`}${checks(rule)}${asks(rule)}`;
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
  const window =
    'calendar' in limit.window
      ? `${limit.window.calendar === 'hour' ? 'an' : 'a'} ${limit.window.calendar}`
      : `in ${span(limit.window.seconds * 1_000)}`;
  const of = 'from' in limit.by ? html` of ${name(limit.by.from.text)}` : '';
  return html`${limit.max}${of} ${window}, per ${limit.scope} <span class="dim">(${name(limit.counter)})</span>`;
}

function asks({ action, askIf, ask }: ToolRule): Html {
  if (action !== 'require_approval' && askIf.length === 0) return html``;
  const from = ask.approvers === null ? 'the default approvers' : ask.approvers.join(', ');
  return html`<p class="dim">${ask.quorum} of ${from}${ask.timeoutMs === null ? '' : `, within ${span(ask.timeoutMs)}`}</p>`;
}
