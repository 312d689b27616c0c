import { html } from 'hono/html';
import type { RuleTrace } from '../../domain/policy/verdict.ts';
import { type Html, name, shown } from '../html/shown.ts';

/** Each step that policy took, with the one that decided. */
export function traceOf(trace: RuleTrace): Html {
  const steps = trace.steps.map(
    (step) => html`<li class="${step.decided ? 'decided' : ''}"><code>${name(step.path)}</code>
      <span>${shown(step.says)}</span>${step.decided ? html` <b class="verdict-mark">decided</b>` : ''}</li>`,
  );
  return html`<div class="trace"><p>Rule ${name(trace.rule)}</p><ol>${steps}</ol></div>`;
}
