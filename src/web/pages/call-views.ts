import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import { previewSays } from '../../domain/approval/preview-text.ts';
import { unusualBesideCues } from '../../domain/approval/unusual.ts';
import { shownLine } from '../../domain/view/shown-line.ts';
import { type View, type ViewLine, viewsOf } from '../../domain/view/view.ts';
import type { Html } from '../html/html.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';

/** What is unusual about the call, in our own words; what stands in them of the call is marked. */
export function unusualLines(approval: Pick<Approval, 'answersTo' | 'facts' | 'state' | 'trace'>): Html {
  const lines = unusualBesideCues(approval);
  if (lines.length === 0) return html``;
  return html`<div class="unusual"><p>Unusual</p><ul>${lines.map(
    (line) =>
      html`<li>${line.map((part) => ('text' in part ? part.text : html`<code>${visibleText(part.value)}</code>`))}</li>`,
  )}</ul></div>`;
}

/** Values of the arguments as what they are. The arguments as they came stand beside them. */
export function callViews({ id, arguments: args }: Pick<Approval, 'id' | 'arguments'>): Html {
  const views = viewsOf(args);
  return views.length === 0 ? html`` : html`<div class="views">${views.map((view) => viewFigure(view, id))}</div>`;
}

/** Regions of a page have different names, so each names its approval. */
function viewFigure(view: View, id: string): Html {
  const { path, name, says, lines, kind } = view;
  const box =
    lines.length === 0
      ? ''
      : html`<pre class="values" dir="ltr" tabindex="0" role="region" aria-label="${kind} at ${path.slice(0, 80)} of ${id}"><code>${lines.map(
          (line, at) => html`${at > 0 ? '\n' : ''}${lineOf(kind, line)}`,
        )}</code></pre>`;
  return html`<figure class="view"><figcaption>${visibleName(path)}${name === null ? '' : html`, ${visibleName(name)}`}: ${says}</figcaption>${box}</figure>`;
}

/** Colour is never the only sign: the line's own mark says the same. */
function lineOf(kind: View['kind'], line: ViewLine): Html {
  const shown = shownLine(line);
  const mark = kind === 'patch' ? (line.text[0] ?? '') : line.mark;
  const tone = mark === '+' ? 'in' : mark === '-' ? 'out' : mark === '…' ? 'fold' : null;
  return tone === null ? html`${shown}` : html`<span class="line-${tone}">${shown}</span>`;
}

/** What the server said when it was asked how things stand, marked as its word; or why there is nothing. */
export function previewShown({ id, facts }: Pick<Approval, 'id' | 'facts'>): Html {
  const preview = facts?.preview ?? null;
  if (preview === null) return html``;
  const says = previewSays(preview).map((part) => ('text' in part ? part.text : visibleName(part.value)));
  if (preview.kind === 'none') return html`<p class="unshown dim">How it stands: ${says}.</p>`;
  return html`<figure class="view" data-said><figcaption>How it stands: ${says}</figcaption><pre class="values" dir="ltr" tabindex="0" role="region" aria-label="What the server says of ${id}"><code>${visibleText(preview.text)}</code></pre></figure>`;
}
