import { html } from 'hono/html';
import { STATES } from '../../domain/approval/approval.ts';
import type { FoundEvent, Page, ProvenEvent } from '../../ports.ts';
import { type AuditQuery, type AuditSearch, auditLink, SUBJECT_EVENTS, VERDICT_EVENTS } from '../api/audit-query.ts';
import type { Html } from '../html/html.ts';
import { actorName, eventBadge, eventLabel, stateBadge } from '../html/labels.ts';
import type { PersonNames } from '../html/person.ts';
import { timestamp, zone } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';
import { eventReason, toolLink } from './activity.ts';
import type { ChainStatus } from './chain-status.ts';
import { cardAsSeenSection, type ShownCards } from './shown-cards.ts';
import { chainPosition, eventData, timeline } from './timeline.ts';

/** Names suggested in the search form; others may be typed. */
export interface FilterChoices {
  readonly servers: readonly string[];
  readonly grants: readonly string[];
  /** The people of the config, by their ids. */
  readonly names: PersonNames;
}

/** The search form, what it found, and the state of the chain. */
export function auditPage(
  search: AuditSearch,
  found: Page<FoundEvent>,
  chain: ChainStatus,
  choices: FilterChoices,
  now: Date,
): Html {
  const { query, faults } = search;
  return html`<div class="head"><h1>Audit</h1>${chainState(chain)}</div>
    ${searchForm(query, choices, now)}
    ${faults.map((fault) => html`<p class="notice bad" role="alert">${fault}</p>`)}
    <table class="list">
      <caption class="unseen">Events, newest first</caption>
      <thead><tr><th scope="col">Time (${zone()})</th><th scope="col">Event</th><th scope="col">Tool or method</th><th scope="col">Who</th><th scope="col">Why</th><th scope="col">Now</th></tr></thead>
      <tbody>${found.items.map((event) => foundRow(event, choices.names))}</tbody>
    </table>
    ${found.items.length === 0 ? html`<p class="empty">No event matches this search.</p>` : ''}
    ${found.next === null ? archivedBefore(chain) : ''}
    <nav class="pages" aria-label="Pages of results">
      ${query.before === undefined ? '' : html`<a href="${auditLink(query, { before: '' })}">Newest</a>`}
      ${found.next === null ? '' : html`<a rel="next" href="${auditLink(query, { before: found.next })}">Older</a>`}
    </nav>
    <p class="dim">The address of this page is the search: save it or share it.
      <a class="button small" download href="${auditLink(query, { before: '' }).replace(/^\/audit/, '/audit/export')}">Export what it finds</a></p>`;
}

/** Where a search ends, it does not end with the log. */
function archivedBefore({ cut }: ChainStatus): Html | string {
  if (cut === undefined) return '';
  const rest = cut.kept ? 'are in archived segments, which are not searched' : 'were deleted';
  return html`<p class="notice"><b>Archived.</b> Events before ${timestamp(cut.until)} (up to #${cut.to}) have left the database and ${rest}.</p>`;
}

function foundRow(event: FoundEvent, names: PersonNames): Html {
  return html`<tr><td class="when"><a href="/audit/events/${event.n}">${timestamp(event.at)}</a></td>
    <td>${eventBadge(event)}</td><td>${toolLink(event)}</td><td>${actorName(event.actor, names)}</td>
    <td class="why">${eventReason(event)}</td><td>${event.state === null ? '' : stateBadge(event.state)}</td></tr>`;
}

function chainState({ seq, checked, misfit, unsealed, checkpoint, checkpointValid }: ChainStatus): Html {
  if (misfit !== null)
    return html`<p class="chain bad"><b>The chain breaks at #${misfit}.</b> Run <code>holdfast audit verify</code>.</p>`;
  if (checkpointValid === false) {
    return html`<p class="chain bad"><b>The log is not what checkpoint #${checkpoint?.seq} signed.</b> Run <code>holdfast audit verify</code>.</p>`;
  }
  const signed =
    checkpoint === null
      ? html`, no checkpoint yet`
      : html`, checkpoint #${checkpoint.seq} signed ${timestamp(checkpoint.at)}`;
  return html`<p class="chain good"><b>Chain holds</b> to #${seq}${signed}.
    <span class="dim">Newest ${checked} checked now${unsealed > 0 ? html`, ${unsealed} being sealed` : ''}.</span></p>`;
}

function searchForm(query: AuditQuery, choices: FilterChoices, now: Date): Html {
  const hoursAgo = (hours: number): string => new Date(now.getTime() - hours * 3_600_000).toISOString().slice(0, 16);
  const spans = [
    ['1 h', hoursAgo(1)],
    ['24 h', hoursAgo(24)],
    ['7 d', hoursAgo(24 * 7)],
  ] as const;
  return html`<form class="search" role="search" action="/audit" method="get">
    <div class="wide"><label for="q-text">Text</label><input id="q-text" name="text" type="search" value="${query.text ?? ''}"
      placeholder="Words, an approval id, a fingerprint"></div>
    ${textField('agent', 'Agent', query.agent, choices.grants)}
    ${textField('server', 'Server', query.server, choices.servers)}
    ${textField('tool', 'Tool', query.tool, [])}
    ${textField('approver', 'Approver', query.approver, ['admin'])}
    ${select('what', 'What', query.what, Object.keys(SUBJECT_EVENTS))}
    ${select('verdict', 'Verdict', query.verdict, Object.keys(VERDICT_EVENTS))}
    ${select('state', 'State now', query.state, STATES)}
    ${timeField('from', 'From', query.from)}${timeField('to', 'To', query.to)}
    ${query.types === undefined ? '' : html`<input type="hidden" name="types" value="${query.types}">`}
    <div class="buttons wide"><button type="submit" class="main">Search</button>
      <a class="button" href="/audit">Clear</a>
      <span class="spans">Last ${spans.map(([label, from]) => html` <a href="${auditLink(query, { from, to: '', before: '' })}">${label}</a>`)}</span></div>
  </form>`;
}

function textField(field: string, label: string, value: string | undefined, options: readonly string[]): Html {
  return html`<div><label for="q-${field}">${label}</label><input id="q-${field}" name="${field}" value="${value ?? ''}"
    list="l-${field}" autocomplete="off" spellcheck="false"><datalist id="l-${field}">${options.map((option) => html`<option value="${option}"></option>`)}</datalist></div>`;
}

function select(field: string, label: string, value: string | undefined, options: readonly string[]): Html {
  return html`<div><label for="q-${field}">${label}</label><select id="q-${field}" name="${field}"><option value="">any</option>
    ${options.map((option) => html`<option value="${option}" ${option === value ? 'selected' : ''}>${option}</option>`)}</select></div>`;
}

function timeField(field: string, label: string, value: string | undefined): Html {
  // The input takes no zone: it is UTC until `localtime.js` makes it the reader's, and sends it as an instant.
  const local =
    value === undefined ? '' : value.replace(/(:\d\d)?(\.\d+)?(Z|[+-]\d\d:\d\d)?$/i, (_, seconds = '') => seconds);
  return html`<div><label for="q-${field}">${label} (${zone()})</label><input id="q-${field}" name="${field}" type="datetime-local" data-utc value="${local}"></div>`;
}

/** One event in full, with the story of its approval. */
export function eventPage(
  event: ProvenEvent,
  story: readonly ProvenEvent[],
  chain: ChainStatus,
  cards: ShownCards,
  names: PersonNames,
): Html {
  const [, label] = eventLabel(event.type);
  return html`<p class="crumb"><a href="/audit">Audit</a> / event ${event.n}</p>
    <div class="head"><h1>${label}</h1></div>
    <dl class="facts">
      <div><dt>Type</dt><dd><code>${event.type}</code></dd></div>
      <div><dt>When</dt><dd>${timestamp(event.at)} ${zone()}</dd></div>
      <div><dt>Who</dt><dd>${actorName(event.actor, names)}</dd></div>
      <div><dt>Tool</dt><dd>${toolLink(event)}</dd></div>
      <div><dt>Agent</dt><dd>${event.grant === null ? '—' : visibleName(event.grant)}</dd></div>
      <div><dt>Approval</dt><dd>${event.approval === null ? '—' : html`<a href="/approvals/${event.approval}">${event.approval}</a>`}</dd></div>
      <div><dt>Chain</dt><dd>${chainPosition(event)}</dd></div>
      <div><dt>Hash</dt><dd><code class="hash">${event.hash ?? '—'}</code></dd></div>
    </dl>
    ${cardAsSeenSection(event, story, cards)}
    <h2>Data</h2>${eventData(event, 'Data of the event')}
    ${event.approval === null ? '' : html`<section aria-labelledby="story-head"><h2 id="story-head">The whole story</h2>${timeline(story, chain, cards, names)}</section>`}`;
}
