import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import { takesCounter } from '../../domain/approval/counter.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { type ArgumentField, argumentForm, LONGEST_TYPED } from '../../domain/tool/argument-form.ts';
import type { Html } from '../html/html.ts';
import { prettyJson } from '../html/json-block.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';

/**
 * The form in which a reviewer denies a call with the one that they would have instead. A script sends it as JSON; without
 * script it does nothing. `schema`: of the tool's input; null: it is not known. `may`: whether this reviewer may.
 */
export function counterForm(approval: Approval, schema: JsonObject | null, may: boolean): Html {
  const { id, fingerprint, requirement, server, tool, state } = approval;
  if (!may || state !== 'pending' || !takesCounter(approval)) return html``;
  const args = approval.arguments as JsonObject;
  const { fields, rest, kept } = argumentForm(schema, args);
  const stays = Object.fromEntries(kept.map((name) => [name, args[name]!]));
  return html`<details class="advance counter"><summary>Deny with a change</summary>
    <form data-counter="${id}" data-fingerprint="${fingerprint}" data-call="${server}.${tool}" data-kept="${JSON.stringify(stays)}"
      data-reason-needed="${requirement.denyReason === 'required' ? 'yes' : 'no'}" action="/approvals/${id}" method="get">
      <p>This call is denied, and the agent is told the call that you make of it here. It is asked about anew${
        requirement.stepUp === undefined
          ? html`, and your yes to it counts if you may approve it: where one is enough, it is approved at once`
          : html`, and has to be signed on its own page`
      }. Then the agent may make exactly that call, once.</p>
      ${fields.map((field, n) => fieldOf(field, `counter-${n}-${id}`))}
      ${kept.length === 0 ? '' : html`<p class="dim">Stays as it is, because something in it is hidden or it is too long to be typed: ${kept.map((name, n) => html`${n === 0 ? '' : ', '}<code>${visibleName(name)}</code>`)}.</p>`}
      ${
        rest === null
          ? ''
          : html`<label for="counter-json-${id}">Other arguments, as one JSON object</label>
      <textarea id="counter-json-${id}" name="json" rows="6" spellcheck="false" maxlength="60000">${prettyJson(rest)}</textarea>
      <p class="wrong" data-wrong="" hidden></p>`
      }
      <label for="counter-reason-${id}">Reason <span class="dim">${requirement.denyReason === 'required' ? '(required to deny)' : '(optional)'}</span></label>
      <input id="counter-reason-${id}" name="reason" type="text" maxlength="2000" autocomplete="off">
      <p class="wrong" data-wrong-all hidden></p>
      <div class="buttons"><button class="deny" type="submit" name="decision" value="deny" data-deciding>Deny and propose</button></div>
    </form></details>`;
}

function fieldOf(field: ArgumentField, id: string): Html {
  const { name, kind, about, required } = field;
  const how =
    kind === 'lines' ? 'one a line' : kind === 'integer' ? 'a whole number' : kind === 'number' ? 'a number' : '';
  const hint = [how, required ? '' : 'optional'].filter((words) => words !== '').join(', ');
  return html`<label for="${id}"><code>${visibleName(name)}</code>${hint === '' ? '' : html` <span class="dim">(${hint})</span>`}</label>
    ${inputOf(field, id)}
    ${about === '' ? '' : html`<p class="dim">The server says: ${visibleText(about)}</p>`}
    <p class="wrong" data-wrong="${name}" id="${id}-wrong" hidden></p>`;
}

function inputOf({ name, kind, now, options }: ArgumentField, id: string): Html {
  const data = html`data-argument="${name}" data-kind="${kind}" ${now === null ? '' : html`data-now="${now}"`} aria-describedby="${id}-wrong"`;
  if (kind === 'choice' || kind === 'boolean') {
    return html`<select id="${id}" ${data}><option value="">(left out)</option>${options.map(
      (option) => html`<option value="${option}" ${option === now ? 'selected' : ''}>${visibleName(option)}</option>`,
    )}</select>`;
  }
  const long = kind === 'lines' || (now !== null && (now.length > 80 || /[\r\n]/.test(now)));
  if (long) {
    // A line break right after the tag would be dropped.
    return html`<textarea id="${id}" ${data} rows="4" spellcheck="false" maxlength="${LONGEST_TYPED}">
${now ?? ''}</textarea>`;
  }
  return html`<input id="${id}" ${data} type="text" maxlength="${LONGEST_TYPED}" autocomplete="off" spellcheck="false" value="${now ?? ''}">`;
}

/** Whose counter-proposal a call is, and what it changes; and the one with which it was denied. */
export function counterStory(approval: Approval, names: PersonNames): Html {
  const { counterOf, decisions } = approval;
  const counter = decisions.find((vote) => vote.counter !== undefined)?.counter;
  return html`${
    counterOf === undefined
      ? ''
      : html`<div class="notice counter-of"><p>A counter-proposal by ${personName(counterOf.by, names)}, who denied <a href="/approvals/${counterOf.approval}"><code>${counterOf.approval}</code></a> with it. No agent chose these arguments.</p>
      ${
        counterOf.changes.length === 0
          ? ''
          : html`<table class="changes"><caption>What was changed</caption><thead><tr><th scope="col">Argument</th><th scope="col">Before</th><th scope="col">After</th></tr></thead><tbody>${counterOf.changes.map(
              ({ path, before, after }) =>
                html`<tr><th scope="row"><code>${visibleName(path)}</code></th><td>${sideOf(before)}</td><td>${sideOf(after)}</td></tr>`,
            )}</tbody></table>${counterOf.more > 0 ? html`<p class="dim">… and ${counterOf.more} more</p>` : ''}`
      }</div>`
  }${
    counter === undefined
      ? ''
      : html`<p class="notice">Another call was proposed instead: <a href="/approvals/${counter}"><code>${counter}</code></a></p>`
  }`;
}

function sideOf(text: string | null): Html {
  return text === null ? html`<span class="dim">(not there)</span>` : html`<code>${visibleText(text)}</code>`;
}
