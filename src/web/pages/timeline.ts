import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import { contentDigest } from '../../domain/approval/seen-card.ts';
import { hiddenCount, hiddenMarks } from '../../domain/call/hidden-marks.ts';
import { NOTHING_MORE } from '../../domain/call/sent.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { ProvenEvent } from '../../ports.ts';
import { cut } from '../../text/cut.ts';
import type { Html } from '../html/html.ts';
import { isLong, jsonBlock } from '../html/json-block.ts';
import { actorName, eventBadge } from '../html/labels.ts';
import { NO_NAMES, type PersonNames } from '../html/person.ts';
import { clockTime, timestamp } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { ChainStatus } from './chain-status.ts';
import { cardAsSeen, type ShownCards } from './shown-cards.ts';

/** An approval's events in order. Above them, whether the chain holds for them: each hash was computed again for this. */
export function timeline(
  story: readonly ProvenEvent[],
  chain: ChainStatus,
  cards: ShownCards,
  names: PersonNames = NO_NAMES,
): Html {
  return html`${chainLine(story, chain)}
    <ol class="story" data-key="story" data-rev="${story.length}.${story.filter((event) => event.fits !== null).length}">${story.map((event) => storyStep(event, story, cards, names))}</ol>`;
}

/** Its beginning left the database: what is missing here is told, and where it is. */
export function archivedLine(
  { id, createdAt }: Pick<Approval, 'createdAt' | 'id'>,
  story: readonly ProvenEvent[],
  { cut: gone }: ChainStatus,
): Html | string {
  if (gone === undefined || createdAt > gone.until) return '';
  // What stayed of it may not be all.
  const isCut = story.some(({ seq }) => seq !== null && seq <= gone.to);
  if (!isCut && story.some(({ type }) => type === 'approval.requested')) return '';
  const where = gone.kept
    ? html`They are in the archived segments: <code>holdfast audit evidence ${id} --segments DIR</code>`
    : html`They were not kept, as <code>audit.archive: none</code> says`;
  return html`<p class="notice" data-key="archived" data-rev="${gone.to}"><b>Archived.</b> Events before ${timestamp(gone.until)} have left the database, those of this approval among them. ${where}.</p>`;
}

function chainLine(story: readonly ProvenEvent[], chain: ChainStatus): Html {
  const broken = story.filter((event) => event.fits === false);
  const open = story.filter((event) => event.fits === null).length;
  const last = Math.max(0, ...story.map((event) => event.seq ?? 0));
  const covered =
    chain.checkpoint !== null && chain.checkpointValid === true && chain.checkpoint.seq >= last && open === 0;
  const rev = `${story.length}.${open}.${broken.length}.${covered ? 1 : 0}`;
  if (chain.checkpointValid === false) return checkpointFault(chain, rev);
  if (broken.length > 0) {
    return html`<p class="chain bad" data-key="chain" data-rev="${rev}"><b>The chain is broken</b> at #${broken.map((event) => event.seq).join(', #')}. Run <code>holdfast audit verify</code>.</p>`;
  }
  const status =
    open === 0
      ? html`<b>The chain is intact</b>: each of these ${story.length} events follows from the one before it`
      : html`<b>Sealing</b>: ${story.length - open} of ${story.length} events are in the chain and fit`;
  return html`<p class="chain ${open === 0 ? 'good' : ''}" data-key="chain" data-rev="${rev}">${status}${covered ? html`, under the signed checkpoint #${chain.checkpoint!.seq}` : ''}.</p>`;
}

function checkpointFault(chain: ChainStatus, rev: string): Html {
  return html`<p class="chain bad" data-key="chain" data-rev="bad.${rev}"><b>The log is not what checkpoint #${chain.checkpoint?.seq} signed.</b> Run <code>holdfast audit verify</code>.</p>`;
}

function storyStep(event: ProvenEvent, story: readonly ProvenEvent[], cards: ShownCards, names: PersonNames): Html {
  return html`<li>
    <span class="when">${clockTime(event.at)}</span>
    <div>
      <p>${eventBadge(event)} <span class="dim">by ${actorName(event.actor, names)}</span></p>
      ${gist(event)}
      ${cardAsSeen(event, story, cards)}
      <details><summary>Event ${event.n}, ${chainPosition(event)}</summary>
        ${isLong(event.data) ? html`<p class="dim">Its data is too long to show here; see its own page.</p>` : eventData(event, `Data of event ${event.n}`)}
        <p><a href="/audit/events/${event.n}">Event ${event.n} on its own page</a>${event.hash === null ? '' : html`, hash <code class="hash">${event.hash}</code>`}</p>
      </details>
    </div>
  </li>`;
}

/** The event's position in the chain, and whether it fits there. */
export function chainPosition(event: ProvenEvent): Html {
  if (event.fits === null) return html`not sealed yet`;
  return event.fits ? html`chain #${event.seq}, valid` : html`chain #${event.seq}, <b class="misfit">invalid</b>`;
}

/** An event's data; where it counts hidden values, these are marked. */
export function eventData({ data }: Pick<ProvenEvent, 'data'>, label: string): Html {
  const hidden = member(data, 'hidden');
  const [byPolicy, byName, byValue] = ['byPolicy', 'byName', 'byValue'].map((name) =>
    Number(member(hidden, name) ?? 0),
  );
  const counts = { byPolicy: byPolicy!, byName: byName!, byValue: byValue! };
  if (!(hiddenCount(counts) > 0)) return jsonBlock(data, label);
  return jsonBlock(data, label, hiddenMarks({ arguments: data, sent: NOTHING_MORE, hidden: counts }));
}

/** What a person wants to know of an event's data without unfolding it. */
function gist(event: ProvenEvent): Html {
  const lines = GISTS.flatMap(([key, label, prefix]) => {
    const value = prefix === undefined || event.type.startsWith(prefix) ? member(event.data, key) : null;
    return value === undefined || value === null || value === ''
      ? []
      : [html`<span>${label} ${gistValue(key, value)}</span>`];
  });
  return lines.length === 0 ? html`` : html`<p class="gist">${lines}</p>`;
}

/** Member of the data, the label before it, and the prefix of the event types in which it means that. */
const GISTS: readonly (readonly [string, string, string?])[] = [
  ['reason', 'reason:'],
  ['note', 'because'],
  ['why', 'because'],
  ['via', 'via'],
  ['digest', 'card digest', 'card.'],
  ['bytes', 'result of', 'call.'],
  ['digest', 'result digest', 'call.'],
  ['answers', 'the agent’s words:', 'answer.'],
  ['leg', 'approved as', 'answer.'],
  ['digest', 'answer digest', 'answer.'],
  ['rule', 'rule'],
  ['statedReason', 'the caller says, unverified:', 'approval.'],
];

/** Characters of a caller's reason; all of it is in the event's data. */
const LONGEST_SAID = 200;

function gistValue(key: string, value: Json): Html {
  if (key === 'bytes') return html`${String(value)} bytes`;
  if (key === 'digest') return html`<code class="hash">${(contentDigest(value) ?? String(value)).slice(0, 16)}</code>`;
  if (key === 'statedReason') return html`<q>${visibleText(cut(String(value), LONGEST_SAID))}</q>`;
  if (typeof value === 'string') return key === 'rule' ? visibleName(value) : html`<q>${visibleText(value)}</q>`;
  return isObject(value) || Array.isArray(value)
    ? visibleName(JSON.stringify(value as JsonObject))
    : html`${String(value)}`;
}
