import { html } from 'hono/html';
import type { RuleTrace } from '../../domain/policy/verdict.ts';
import type { Html } from '../html/html.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';

/** The steps by which policy came to its verdict; the one that decided is marked. */
export function policyTrace(trace: RuleTrace): Html {
  const steps = trace.steps.map(
    (step) => html`<li class="${step.decided ? 'decided' : ''}"><code>${visibleName(step.path)}</code>
      <span>${visibleText(step.says)}</span>${step.decided ? html` <b class="verdict-mark">decided</b>` : ''}</li>`,
  );
  return html`<div class="trace"><p>Rule ${visibleName(trace.rule)}</p><ol>${steps}</ol></div>`;
}
