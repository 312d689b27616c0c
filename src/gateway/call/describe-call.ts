import type { Approval } from '../../domain/approval/approval.ts';
import type { CallFacts, Preview, UnusualLine } from '../../domain/approval/facts.ts';
import { particularsOf } from '../../domain/approval/particulars.ts';
import { unusualOf } from '../../domain/approval/unusual.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import { summaryText } from '../../domain/policy/summary.ts';
import { within } from '../../time/within.ts';
import type { Gateway } from '../gateway.ts';
import type { Arrival } from './arrival.ts';
import type { AskVerdict } from './new-approval.ts';
import { type PreviewParts, previewOf } from './preview-call.ts';

/** Milliseconds that the log gets to say what was usual. */
const HISTORY_MS = 1_000;

type DescribeParts = PreviewParts & Pick<Gateway, 'describing'>;

/**
 * Finds out what the card says besides the call: what is unusual, and what a preview says; while its caller already waits.
 * null: nothing is found out about an answer to a server's question. The promise never rejects, and resolves within
 * `PREVIEW_BOUNDS.ms` and the store's answer.
 *
 * | what | the card |
 * |---|---|
 * | the log does not answer | says nothing of what is unusual |
 * | the server hangs, errs, sends too much; a limit, a freeze, another verdict, too many at once | says why there is no preview |
 * | the store does not take it | says nothing of either |
 * | this process dies meanwhile | is posted by the sweep of another, without |
 * | a decision, a withdrawal meanwhile | is kept all the same, for whoever reads the approval |
 */
export function beginDescribing(
  gateway: DescribeParts,
  arrival: Arrival,
  verdict: AskVerdict,
  approval: Approval,
): Promise<void> | null {
  if (arrival.leg !== undefined) return null;
  return gateway.describing.begin(approval.id, Boolean(verdict.ask.preview), async (ended) => {
    try {
      await describe(gateway, arrival, verdict, approval, ended);
    } catch (error) {
      gateway.log.warn({ approval: approval.id, err: error }, 'a card comes without what was to be found out for it');
    }
  });
}

async function describe(
  gateway: DescribeParts,
  arrival: Arrival,
  { ask }: AskVerdict,
  approval: Approval,
  ended: AbortSignal,
): Promise<void> {
  const particulars = particularsOf(approval, ask.usual ?? null, approval.createdAt);
  const [unusual, preview] = await Promise.all([
    unusualLines(gateway, approval, particulars),
    ask.preview ? previewOf(gateway, arrival, approval, ask.preview, ended) : null,
  ]);
  const facts: CallFacts = { unusual, preview, particulars };
  await gateway.store.keepFacts(
    approval.id,
    facts,
    preview === null ? null : describedEvent(gateway, approval, facts, preview),
  );
}

async function unusualLines(
  { store, log }: Pick<Gateway, 'log' | 'store'>,
  approval: Approval,
  particulars: CallFacts['particulars'],
): Promise<readonly UnusualLine[]> {
  try {
    const earlier = await within(HISTORY_MS, store.earlierAsked(approval));
    return unusualOf(particulars, approval.grant, earlier);
  } catch (error) {
    log.warn({ approval: approval.id, err: error }, 'what is usual of a call could not be read');
    return [];
  }
}

/** Never what the server said: its digest, so that what is shown can be compared with it. */
function describedEvent(
  { clock, vault }: Pick<Gateway, 'clock' | 'vault'>,
  approval: Approval,
  { unusual }: CallFacts,
  preview: Preview,
): NewEvent {
  const said =
    preview.kind === 'none'
      ? { why: preview.why }
      : {
          characters: preview.text.length,
          omitted: preview.omitted,
          failed: preview.failed,
          digest: vault.digest('outcome', preview.text),
        };
  return approvalEvent(approval, {
    type: 'approval.described',
    at: clock.now(),
    actor: 'holdfast',
    data: { preview: preview.tool, ...said, unusual: unusual.map(summaryText) },
  });
}
