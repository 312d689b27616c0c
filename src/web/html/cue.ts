import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import { CUE_WORDS, cuesOf } from '../../domain/approval/cue.ts';
import type { Html } from './html.ts';

/** What makes this question look different: a sign and words each, the sentence for whoever points at it or listens. */
export function cueBadges(approval: Pick<Approval, 'escalatedAt' | 'state' | 'trace'>): readonly Html[] {
  return cuesOf(approval).map((cue) => {
    const { sign, short, says } = CUE_WORDS[cue];
    return html`<span class="badge cue ${cue}" title="${says}"><span aria-hidden="true">${sign}</span> ${short}<span class="unseen">: ${says}</span></span>`;
  });
}
