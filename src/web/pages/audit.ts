import { html } from 'hono/html';
import { STATES } from '../../domain/approval/approval.ts';
import type { FoundEvent, Page, ProvenEvent } from '../../ports.ts';
import { type Asked, linkTo, type Query, VERDICT_EVENTS } from '../api/audit-query.ts';
import { instant } from '../html/instant.ts';
import { type Html, name } from '../html/shown.ts';
import { values } from '../html/values.ts';
import { actorName, eventBadge, eventWords, stateBadge } from '../html/wording.ts';
import { subject, whyOf } from './activity.ts';
import { asSeenAlone, type ShownCards } from './shown-cards.ts';
import { place, storyOf } from './story.ts';
import type { Vouched } from './vouch.ts';

/** Names that a reviewer may choose from; typing another is fine. */
export interface FilterChoices {
  readonly servers: readonly string[];
  readonly grants: readonly string[];
}

export function auditPage(
  asked: Asked,
  found: Page<FoundEvent>,
  chain: Vouched,
  known: FilterChoices,
  now: Date,
): Html {
  const { query, faults } = asked;
  return html`<div class="head"><h1>Audit</h1>${chainState(chain)}</div>
    ${searchForm(query, known, now)}
    ${faults.map((fault) => html`<p class="notice bad" role="alert">${fault}</p>`)}
    <table class="list">
      <caption class="unseen">Events, newest first</caption>
      <thead><tr><th scope="col">Time (UTC)</th><th scope="col">Event</th><th scope="col">Tool</th><th scope="col">Who</th><th scope="col">Why</th><th scope="col">Now</th></tr></thead>
      <tbody>${found.items.map(foundRow)}</tbody>
    </table>
    ${found.items.length === 0 ? html`<p class="empty">No event fits this search.</p>` : ''}
    <nav class="pages" aria-label="Pages of results">
      ${query.before === undefined ? '' : html`<a href="${linkTo(query, { before: '' })}">Newest</a>`}
      ${found.next === null ? '' : html`<a rel="next" href="${linkTo(query, { before: found.next })}">Older</a>`}
    </nav>
    <p class="dim">This address is the search: save it or send it.</p>`;
}

function foundRow(event: FoundEvent): Html {
  return html`<tr><td class="when"><a href="/audit/events/${event.n}">${instant(event.at)}</a></td>
    <td>${eventBadge(event)}</td><td>${subject(event)}</td><td>${actorName(event.actor)}</td>
    <td class="why">${whyOf(event)}</td><td>${event.state === null ? '' : stateBadge(event.state)}</td></tr>`;
}

function chainState({ seq, checked, misfit, unsealed, checkpoint, vouched }: Vouched): Html {
  if (misfit !== null)
    return html`<p class="chain bad"><b>The chain breaks at #${misfit}.</b> Run <code>holdfast audit verify</code>.</p>`;
  if (vouched === false) {
    return html`<p class="chain bad"><b>The log is not what checkpoint #${checkpoint?.seq} signed.</b> Run <code>holdfast audit verify</code>.</p>`;
  }
  const signed =
    checkpoint === null
      ? html`, no checkpoint yet`
      : html`, checkpoint #${checkpoint.seq} signed ${instant(checkpoint.at)}`;
  return html`<p class="chain good"><b>Chain holds</b> to #${seq}${signed}.
    <span class="dim">Newest ${checked} checked now${unsealed > 0 ? html`, ${unsealed} being sealed` : ''}.</span></p>`;
}

function searchForm(query: Query, known: FilterChoices, now: Date): Html {
  const back = (hours: number): string => new Date(now.getTime() - hours * 3_600_000).toISOString().slice(0, 16);
  const spans = [
    ['1 h', back(1)],
    ['24 h', back(24)],
    ['7 d', back(24 * 7)],
  ] as const;
  return html`<form class="search" role="search" action="/audit" method="get">
    <div class="wide"><label for="q-text">Text</label><input id="q-text" name="text" type="search" value="${query.text ?? ''}"
      placeholder="Words, an approval id, a fingerprint"></div>
    ${chooseFrom('agent', 'Agent', query.agent, known.grants)}
    ${chooseFrom('server', 'Server', query.server, known.servers)}
    ${chooseFrom('tool', 'Tool', query.tool, [])}
    ${chooseFrom('approver', 'Approver', query.approver, ['admin'])}
    ${select('verdict', 'Verdict', query.verdict, Object.keys(VERDICT_EVENTS))}
    ${select('state', 'State now', query.state, STATES)}
    ${time('from', 'From (UTC)', query.from)}${time('to', 'To (UTC)', query.to)}
    ${query.types === undefined ? '' : html`<input type="hidden" name="types" value="${query.types}">`}
    <div class="buttons wide"><button type="submit" class="main">Search</button>
      <a class="button" href="/audit">Clear</a>
      <span class="spans">Last ${spans.map(([words, from]) => html` <a href="${linkTo(query, { from, to: '', before: '' })}">${words}</a>`)}</span></div>
  </form>`;
}

function chooseFrom(field: string, words: string, value: string | undefined, options: readonly string[]): Html {
  return html`<div><label for="q-${field}">${words}</label><input id="q-${field}" name="${field}" value="${value ?? ''}"
    list="l-${field}" autocomplete="off" spellcheck="false"><datalist id="l-${field}">${options.map((option) => html`<option value="${option}"></option>`)}</datalist></div>`;
}

function select(field: string, words: string, value: string | undefined, options: readonly string[]): Html {
  return html`<div><label for="q-${field}">${words}</label><select id="q-${field}" name="${field}"><option value="">any</option>
    ${options.map((option) => html`<option value="${option}" ${option === value ? 'selected' : ''}>${option}</option>`)}</select></div>`;
}

function time(field: string, words: string, value: string | undefined): Html {
  const local =
    value === undefined ? '' : value.replace(/(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?$/i, (_, seconds = '') => seconds);
  return html`<div><label for="q-${field}">${words}</label><input id="q-${field}" name="${field}" type="datetime-local" value="${local}"></div>`;
}

/** One event, whole, and with it the story of its approval. */
export function eventPage(event: ProvenEvent, story: readonly ProvenEvent[], chain: Vouched, cards: ShownCards): Html {
  const [, words] = eventWords(event.type);
  return html`<p class="crumb"><a href="/audit">Audit</a> / event ${event.n}</p>
    <div class="head"><h1>${words}</h1></div>
    <dl class="facts">
      <div><dt>Type</dt><dd><code>${event.type}</code></dd></div>
      <div><dt>When</dt><dd>${instant(event.at)} UTC</dd></div>
      <div><dt>Who</dt><dd>${actorName(event.actor)}</dd></div>
      <div><dt>Tool</dt><dd>${subject(event)}</dd></div>
      <div><dt>Agent</dt><dd>${event.grant === null ? '—' : name(event.grant)}</dd></div>
      <div><dt>Approval</dt><dd>${event.approval === null ? '—' : html`<a href="/approvals/${event.approval}">${event.approval}</a>`}</dd></div>
      <div><dt>Chain</dt><dd>${place(event)}</dd></div>
      <div><dt>Hash</dt><dd><code class="hash">${event.hash ?? '—'}</code></dd></div>
    </dl>
    ${asSeenAlone(event, story, cards)}
    <h2>Data</h2>${values(event.data, 'Data of the event')}
    ${event.approval === null ? '' : html`<section aria-labelledby="story-head"><h2 id="story-head">The whole story</h2>${storyOf(story, chain, cards)}</section>`}`;
}
