import { html } from 'hono/html';
import { isToolName } from '../../domain/call/call.ts';
import type { Clause, Limit, Policy, ToolRule } from '../../domain/policy/policy.ts';
import { isHidden, ruleFor } from '../../domain/policy/rule.ts';
import type { ListedTool, ToolList } from '../../domain/tool/list.ts';
import { counted } from '../../text/plural.ts';
import type { Html } from '../html/html.ts';
import { badge } from '../html/labels.ts';
import { riskBadge } from '../html/risk.ts';
import { durationText } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { GrantView, ServerView } from './config-view.ts';
import { type ListedTools, toolListStatus } from './listed-tools.ts';
import { sectionTables } from './policy-sections.ts';

/** What the Policies page shows. */
export interface PoliciesView {
  readonly servers: readonly ServerView[];
  readonly grants: readonly GrantView[];
  /** Tools that agents called recently. */
  readonly called: readonly { readonly server: string; readonly tool: string }[];
  /** By server. */
  readonly lists: ReadonlyMap<string, ListedTools>;
  /** Whether servers can be asked for their tools from the console. */
  readonly mayAsk: boolean;
}

/** Every tool that agents can call, as its server lists it, with its risk and the rule that applies to it. */
export function policiesPage(view: PoliciesView): Html {
  return html`<div class="head"><h1>Policies</h1></div>
    <p class="dim">The rules that are in force now. To change them, edit the policy files; a file with an error never replaces a good one.</p>
    ${explainBox(view)}
    ${view.servers.map((server) => serverSection(server, view))}`;
}

function explainBox({ servers, grants, lists }: PoliciesView): Html {
  const options = (names: readonly string[]): Html =>
    html`${names.map((name) => html`<option value="${name}">${name}</option>`)}`;
  const named = servers.flatMap((server) => [...(server.policy?.exact.keys() ?? [])]);
  const listed = [...lists.values()].flatMap(({ list }) => list.tools.map((tool) => tool.name));
  return html`<section class="explain" aria-labelledby="explain-head"><h2 id="explain-head">What would the policy decide?</h2>
    <form data-explain action="/policies" method="get">
      <div><label for="x-server">Server</label><select id="x-server" name="server">${options(servers.map((server) => server.name))}</select></div>
      <div><label for="x-what">What</label><select id="x-what" name="what"><option value="tool">a tool</option><option value="resource">a resource, by URI</option><option value="prompt">a prompt</option><option value="method">another method</option></select></div>
      <div><label for="x-tool">Tool</label><input id="x-tool" name="tool" list="x-tools" required autocomplete="off" spellcheck="false"><datalist id="x-tools">${options([...new Set([...named, ...listed])])}</datalist></div>
      <div><label for="x-grant">Agent</label><select id="x-grant" name="grant">${options(grants.map((grant) => grant.name))}</select></div>
      <div class="wide"><label for="x-args">Arguments, as JSON</label><textarea id="x-args" name="arguments" rows="4" spellcheck="false">{}</textarea></div>
      <details class="wide"><summary>Other params and _meta</summary>
        <div><label for="x-params">Other params, as JSON</label><textarea id="x-params" name="params" rows="2" spellcheck="false">{}</textarea></div>
        <div><label for="x-meta">_meta, as JSON</label><textarea id="x-meta" name="meta" rows="2" spellcheck="false">{}</textarea></div></details>
      <div class="buttons wide"><button type="submit" class="main">Explain</button><span class="dim">Nothing is called, counted or stored.</span></div>
    </form>
    <div id="explained" role="region" aria-label="What policy says" aria-live="polite"></div></section>`;
}

function serverSection(server: ServerView, { called, lists, mayAsk }: PoliciesView): Html {
  const { name: id, kind, policy } = server;
  const listed = lists.get(id) ?? null;
  if (policy === null)
    return html`<section><h2>${visibleName(id)}</h2><p class="notice bad">No policy: nothing is allowed.</p></section>`;
  const { allTools } = policy;
  const forAll = allTools.limits.length + allTools.denyIf.length + allTools.require.length + allTools.askIf.length > 0;
  return html`<section aria-labelledby="p-${id}"><h2 id="p-${id}">${visibleName(id)} <span class="dim">${kind}</span></h2>
    ${policy.mode === 'watch' ? html`<p class="notice odd">Only watched: nothing of this is enforced but what is hidden.</p>` : ''}
    <p>Default ${actionBadge(policy.default)}${forAll ? html`, for all tools: ${checks(allTools)}` : ''}
      <span class="dim">file <code class="hash">${policy.digest.slice(0, 16)}</code></span></p>
    ${toolListStatus(server, listed, mayAsk)}
    <table class="list"><caption class="unseen">Tools of ${id} and the rules that apply to them</caption>
      <thead><tr><th scope="col">Tool</th><th scope="col">Verdict</th><th scope="col">Risk</th><th scope="col">Rule</th><th scope="col">Checks and limits</th></tr></thead>
      <tbody>${rowsOf(
        policy,
        listed?.list ?? null,
        called.filter(({ server }) => server === id).map(({ tool }) => tool),
      )}</tbody></table>
    ${listed !== null && listed.list.count > listed.list.tools.length ? html`<p class="notice">Only the first ${listed.list.tools.length} of ${listed.list.count} listed tools are shown.</p>` : ''}
    ${sectionTables(id, policy)}
  </section>`;
}

/** Tools that the server lists; then those that only a rule names, patterns, those only called, those only hidden. */
function rowsOf(policy: Policy, list: ToolList | null, called: readonly string[]): Html[] {
  const tools = list?.tools ?? [];
  const known = new Set(tools.map((tool) => tool.name));
  const unlisted = (names: Iterable<string>): string[] => [...new Set(names)].filter((tool) => !known.has(tool));
  const named = unlisted(policy.exact.keys());
  const others = unlisted(called).filter((tool) => !policy.exact.has(tool));
  const hidden = unlisted(policy.hidden.exact).filter((tool) => !policy.exact.has(tool) && !others.includes(tool));
  const note = list === null ? '' : 'not listed';
  return [
    ...tools.map((tool) => toolRow(policy, tool.name, tool, '')),
    ...named.map((tool) => toolRow(policy, tool, null, note)),
    ...policy.globs.map(({ rule }) => patternRow(rule)),
    ...others.map((tool) => toolRow(policy, tool, null, list === null ? '' : 'called, not listed')),
    ...hidden.map((tool) => toolRow(policy, tool, null, note)),
  ];
}

function toolRow(policy: Policy, tool: string, listed: ListedTool | null, note: string): Html {
  const rule = ruleFor(policy, tool);
  const appliedRule = isHidden(policy, tool)
    ? html`<code>hide</code>`
    : rule === null
      ? html`<code>default</code>`
      : keyOf(rule);
  return html`<tr><td>${visibleName(tool)}${note === '' ? '' : html` <span class="dim">${note}</span>`}</td><td>${verdictOf(policy, rule, tool)}${watchedMark(rule)}</td>
    <td>${riskOf(rule, listed)}</td><td>${appliedRule}</td><td>${rule === null ? '' : ruleDetails(rule)}</td></tr>`;
}

/** The verdict as far as it is known without arguments. */
function verdictOf(policy: Policy, rule: ToolRule | null, tool: string): Html {
  if (isHidden(policy, tool)) return badge('bad', 'hidden');
  if (!isToolName(tool)) return html`${badge('bad', 'deny')} <span class="dim">not a valid tool name</span>`;
  const changes = policy.drifted?.get(tool);
  const drift = changes === undefined || rule === null || rule.drift === 'allow' ? null : rule.drift;
  const action = rule?.action ?? policy.default;
  if (drift === null || action === 'deny') return actionBadge(action);
  return html`${actionBadge(drift === 'deny' ? 'deny' : 'require_approval')} <span class="dim">its ${changes!.join(' and ')} changed</span>`;
}

/** Says that a rule is recorded and not enforced. */
function watchedMark(rule: ToolRule | null): Html {
  return rule?.mode === 'watch' ? html` ${badge('odd', 'watched')}` : html``;
}

/** The risk that the rule states, else a guess from the tool's listing. */
function riskOf(rule: ToolRule | null, listed: ListedTool | null): Html {
  if (rule !== null && (rule.risk !== null || rule.severity !== null)) return riskBadge(rule.risk, rule.severity);
  if (listed === null) return html``;
  return html`<span class="dim" title="No rule states it: guessed from the tool’s name, description and schema">guess: ${listed.risk}, ${listed.severity}</span>`;
}

function patternRow(rule: ToolRule): Html {
  return html`<tr><td>${visibleName(rule.key)} <span class="dim">pattern</span></td><td>${actionBadge(rule.action)}${watchedMark(rule)}</td>
    <td>${riskBadge(rule.risk, rule.severity)}</td><td>${keyOf(rule)}</td><td>${ruleDetails(rule)}</td></tr>`;
}

function keyOf(rule: ToolRule): Html {
  return html`<code>${visibleName(`tools.${rule.key}`)}</code>`;
}

function ruleDetails(rule: ToolRule): Html {
  return html`${rule.reason === null ? html`` : html`<p>${visibleText(rule.reason)}</p>`}${checks(rule)}${asks(rule)}`;
}

const ACTION_LABELS = {
  allow: ['good', 'allow'],
  deny: ['bad', 'deny'],
  require_approval: ['wait', 'ask'],
} as const;

function actionBadge(action: Policy['default']): Html {
  const [tone, label] = ACTION_LABELS[action];
  return badge(tone, label);
}

interface Checks {
  readonly denyIf: readonly Clause[];
  readonly require: readonly Clause[];
  readonly askIf: readonly Clause[];
  readonly limits: readonly Limit[];
}

function checks({ denyIf, require, askIf, limits }: Checks): Html {
  const lines = (label: string, clauses: readonly Clause[]): Html[] =>
    clauses.map((clause) => html`<li><b>${label}</b> ${visibleText(clause.says)}</li>`);
  const all = [
    ...lines('deny if', denyIf),
    ...lines('require', require),
    ...lines('ask if', askIf),
    ...limits.map((limit) => html`<li><b>limit</b> ${limitDetails(limit)}</li>`),
  ];
  return all.length === 0 ? html`` : html`<ul class="checks">${all}</ul>`;
}

function limitDetails(limit: Limit): Html {
  const window =
    'calendar' in limit.window
      ? `${limit.window.calendar === 'hour' ? 'an' : 'a'} ${limit.window.calendar}`
      : `in ${durationText(limit.window.seconds * 1_000)}`;
  const of = 'from' in limit.by ? html` of ${visibleName(limit.by.from.text)}` : '';
  return html`${limit.max}${of} ${window}, per ${limit.scope}${limit.shared === 'upstream' ? ', of all servers of its upstream' : ''} <span class="dim">(${visibleName(limit.counter)})</span>`;
}

/** How many approvals are needed, and from whom; empty when the rule never asks. */
function asks({ action, askIf, ask }: ToolRule): Html {
  if (action !== 'require_approval' && askIf.length === 0) return html``;
  const from = ask.approvers === null ? 'the default approvers' : ask.approvers.join(', ');
  const places = (ask.places ?? []).map(({ group, count }) => `${count} of ${group}`).join(' and ');
  return html`<p class="dim">${places === '' ? `${ask.quorum} of` : `${places}, from`} ${from}${ask.timeoutMs === null ? '' : `, within ${durationText(ask.timeoutMs)}`}${offers(ask)}</p>`;
}

/** What people may allow in advance with one of their approvals. */
function offers({ allowance = null }: ToolRule['ask']): string {
  if (allowance === null) return '';
  return `; may allow the like, ${counted(allowance.maxCalls, 'call')} in ${counted(allowance.maxMinutes, 'minute')} at most`;
}
