import { html } from 'hono/html';
import { type Allowance, allowanceOf, type StandingDenial } from '../../domain/allowance/allowance.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import { FORGED_WORDS, forgedCause, isForged } from '../../domain/approval/forged.ts';
import type { EarlierCall } from '../../domain/approval/second-look.ts';
import { erasureWords } from '../../domain/call/erasure.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { ProvenEvent } from '../../ports.ts';
import type { Html } from '../html/html.ts';
import { stateBadge, toolName } from '../html/labels.ts';
import { liveIndicator, newsLine } from '../html/page.ts';
import type { PersonNames } from '../html/person.ts';
import { countdown, timestamp, zone } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { Reviewer } from '../http/reviewer.ts';
import { advanceForm, advanceOf } from './allowances.ts';
import { previewShown } from './call-views.ts';
import type { ChainStatus } from './chain-status.ts';
import { counterForm, counterStory } from './counter-form.ts';
import { decideForm, lacksRole, mayCounter, mayDecide, takeBackForm } from './decide-form.ts';
import { eraseForm } from './erase-form.ts';
import { became } from './inbox.ts';
import { policyTrace } from './policy-trace.ts';
import { callInFull } from './shown-call.ts';
import type { ShownCards } from './shown-cards.ts';
import { archivedLine, timeline } from './timeline.ts';
import { type CallPlace, callIntro, callNeeds, callsBefore, marks, toolDescription } from './waiting-card.ts';

export interface ApprovalView {
  readonly approval: Approval;
  readonly story: readonly ProvenEvent[];
  readonly chain: ChainStatus;
  readonly cards: ShownCards;
  readonly reviewer: Reviewer;
  /** Who may decide it by today's configuration. */
  readonly current: CurrentApprovers;
  /** Earlier approvals of the same call, newest first. */
  readonly earlier: readonly EarlierCall[];
  /** What was given with it in advance; null: nothing. */
  readonly allowance: Allowance | null;
  readonly denial: StandingDenial | null;
  readonly place: CallPlace;
  /** The people of the config, by their ids. */
  readonly names: PersonNames;
  /** The input schema of its tool; null: it is not known. */
  readonly schema: JsonObject | null;
  /** Whether the reviewer may erase what it says. */
  readonly mayErase: boolean;
  readonly now: Date;
}

/** One approval in full: the call, who may decide and who did, why policy asked, and everything that happened. */
export function approvalPage({
  approval,
  story,
  chain,
  cards,
  reviewer,
  current,
  earlier,
  allowance,
  denial,
  place,
  names,
  schema,
  mayErase,
  now,
}: ApprovalView): Html {
  const { trace } = approval;
  return html`<p class="crumb"><a href="/">Approvals</a> / <code>${approval.id}</code></p>
    <div class="head"><h1>${toolName(approval.server, approval.tool)}</h1>${liveIndicator()}</div>
    ${newsLine('one')}
    <div id="state" data-live data-only="${approval.id}">
      ${isForged(approval) ? html`<p class="fault" data-key="broken" role="alert">Holdfast will not run this: the record ${FORGED_WORDS[approval.broken ?? 'state']}. ${forgedCause(approval)}</p>` : ''}
      ${approval.broken === 'secret' && !isForged(approval) ? html`<p class="dim" data-key="secret">This record ${FORGED_WORDS.secret}, so nobody can check it any more. The audit log still tells what happened.</p>` : ''}
      ${trace.erased === undefined || approval.broken !== null ? '' : html`<p class="notice" data-key="erased">What this approval said of its call was ${visibleText(erasureWords(trace.erased))}</p>`}
      <p class="state-line" data-key="state" data-rev="${approval.revision}" data-became="${became(approval)}">${stateBadge(approval.state)}
        ${approval.state === 'pending' ? html`<span class="expiry">expires in ${countdown(approval.expiresAt, now)}</span>` : ''}
        ${approval.note === null ? '' : html`<span class="note">${visibleName(approval.note)}</span>`}</p>
    </div>
    <div class="columns">
      <div>
        <section aria-labelledby="call-head" data-call-shown>
          <h2 id="call-head" tabindex="-1" data-news-focus>The call</h2>
          ${marks(approval, place)}
          <div id="counter-story" data-live><div data-key="counter-story" data-rev="${approval.state}">${isForged(approval) ? '' : counterStory(approval, names)}</div></div>
          <div id="intro" data-live><div data-key="intro" data-rev="${approval.laterReasons.length}.${approval.facts === undefined ? 0 : 1}">${callIntro(approval, names)}</div></div>
          ${callInFull(approval, 'Arguments')}
          <div id="preview" data-live><div data-key="preview" data-rev="${approval.facts === undefined ? 0 : 1}">${previewShown(approval)}</div></div>
          ${callsBefore(earlier, now)}
          ${toolDescription(place)}
          <div id="facts" data-live><div data-key="facts" data-rev="${approval.revision}.${approval.callers}">${callNeeds(approval)}</div></div>
          <div id="decide" data-live><div data-key="decide" data-rev="${approval.state}.${approval.decisions.length}">${
            isForged(approval)
              ? ''
              : approval.state === 'pending'
                ? decideForm(approval, reviewer, now, true, current, earlier, names)
                : takeBackForm(approval, reviewer, now, current)
          }</div></div>
          ${eraseForm(approval, mayErase)}
          <div id="advance" data-live data-quiet><div data-key="advance" data-rev="${approval.state}.${approval.decisions.length}.${allowance?.used ?? ''}${allowance?.ended?.why ?? ''}${denial?.ended?.why ?? ''}">${
            isForged(approval)
              ? ''
              : html`${advanceOf(allowanceOf(approval), allowance, denial, { names, now, reviewer })}${lacksRole(reviewer) ? '' : advanceForm(approval, mayDecide(approval, reviewer, now, current))}`
          }</div></div>
          <div id="counter" data-live data-quiet><div data-key="counter" data-rev="${approval.state}.${approval.decisions.length}">${
            isForged(approval) ? '' : counterForm(approval, schema, mayCounter(approval, reviewer, now, current))
          }</div></div>
        </section>
        <section aria-labelledby="trace-head">
          <h2 id="trace-head">Why it needed approval</h2>
          ${policyTrace(trace)}
          <p class="dim">Policy <code class="hash">${approval.policyDigest.slice(0, 16)}</code>, asked ${timestamp(approval.createdAt)} ${zone()}</p>
        </section>
      </div>
      <section aria-labelledby="story-head">
        <div class="story-head"><h2 id="story-head">What happened <small>${zone()}</small></h2>
          <span class="takeaways"><a class="button small" download href="/api/approvals/${approval.id}/evidence">Download evidence</a>
            <a class="button small" download href="/approvals/${approval.id}/export">Export this story</a>
            <button class="small" type="button" data-print>Print</button></span></div>
        <div id="story" data-live>${archivedLine(approval, story, chain)}${timeline(story, chain, cards, names)}</div>
      </section>
    </div>`;
}
