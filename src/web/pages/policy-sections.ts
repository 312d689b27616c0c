import { html } from 'hono/html';
import { defaultOfSection } from '../../domain/policy/judge-method.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Section, SectionAction, SectionRule } from '../../domain/policy/section.ts';
import type { Html } from '../html/html.ts';
import { badge } from '../html/labels.ts';
import { visibleName } from '../html/visible-text.ts';

/** What a policy says of resources, prompts and methods: each section with its default and its keys. */
export function sectionTables(server: string, policy: Policy): Html {
  const { resources, prompts, methods } = policy.sections;
  const unknown = defaultOfSection(policy, methods);
  return html`<div class="sections">
    ${resources === null ? html`<p>Resources: ${allowed()}</p>` : section(server, 'Resources', policy, resources)}
    ${prompts === null ? html`<p>Prompts: ${allowed()}</p>` : section(server, 'Prompts', policy, prompts)}
    ${methods === null ? '' : section(server, 'Methods', policy, methods)}
    <p>Methods that no revision of MCP defines: ${actionMark(unknown)}</p></div>`;
}

function allowed(): Html {
  return html`${actionMark('allow')} <span class="dim">and logged: the policy has no such section</span>`;
}

function section(server: string, title: string, policy: Policy, { exact, globs, ...rest }: Section): Html {
  const rules = new Set<SectionRule>([...exact.values(), ...globs.map(({ rule }) => rule)]);
  const rows = [...rules].map(
    ({ key, action }) => html`<tr><td>${visibleName(key)}</td><td>${actionMark(action)}</td></tr>`,
  );
  const action = defaultOfSection(policy, { exact, globs, ...rest });
  const other = title === 'Methods' ? '' : html`<tr><td>any other</td><td>${actionMark(action)}</td></tr>`;
  return html`<table class="list"><caption>${title} of ${visibleName(server)}</caption>
    <thead><tr><th scope="col">Key</th><th scope="col">Verdict</th></tr></thead><tbody>${rows}${other}</tbody></table>`;
}

function actionMark(action: SectionAction): Html {
  return action === 'allow' ? badge('good', 'allow') : badge('bad', 'deny');
}
