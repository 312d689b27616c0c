import type { Approval } from '../../domain/approval/approval.ts';
import { type CallFacts, PREVIEW_BOUNDS, type Preview, type UnusualLine } from '../../domain/approval/facts.ts';
import { isForged } from '../../domain/approval/forged.ts';
import { particularsOf } from '../../domain/approval/particulars.ts';
import { NOT_READ, unusualOf } from '../../domain/approval/unusual.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import { askFor } from '../../domain/policy/rule.ts';
import { summaryText } from '../../domain/policy/summary.ts';
import { within } from '../../time/within.ts';
import type { Gateway } from '../gateway.ts';
import type { Arrival } from './arrival.ts';
import type { AskVerdict } from './new-approval.ts';
import { type PreviewParts, previewOf } from './preview-call.ts';

/** Milliseconds that the log gets to say what was usual. */
const HISTORY_MS = 1_000;

/** Milliseconds that the store gets to keep what was found out: the card comes then, whatever the row waits for. */
const KEEP_MS = 5_000;

type DescribeParts = PreviewParts & Pick<Gateway, 'cards' | 'describing'>;

/**
 * Finds out what the card says besides the call: what is unusual, and what a preview says; while its caller already waits.
 * null: nothing is found out now: about an answer to a server's question never, about a call without a preview when its card is
 * made (`describeForCard`), which may be at another replica. The promise never rejects, and resolves within
 * `PREVIEW_BOUNDS.ms` and `KEEP_MS`.
 *
 * | what | the card |
 * |---|---|
 * | the log does not answer | says that what was usual could not be read |
 * | the server hangs, errs, sends too much; a limit, a freeze, another verdict, too many at once | says why there is no preview |
 * | the store does not take it | says nothing of either |
 * | this process dies meanwhile | is posted by the sweep of another, and says that there is no preview |
 * | a decision, a withdrawal meanwhile | is kept all the same, for whoever reads the approval |
 */
export function beginDescribing(
  gateway: DescribeParts,
  arrival: Arrival,
  verdict: AskVerdict,
  approval: Approval,
): Promise<void> | null {
  if (arrival.leg !== undefined || (gateway.cards !== null && !verdict.ask.preview)) return null;
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
  const event = preview === null ? null : describedEvent(gateway, approval, facts, preview);
  await within(KEEP_MS, gateway.store.keepFacts(approval.id, facts, event));
}

const LOST = 'whoever asked the server for it has ended, or had no time for it';

/**
 * The same for a card that is about to be made: what is unusual. While its opener may still ask the server, wherever that is,
 * nothing is kept: facts are kept once, and the preview would be lost. After that nobody asks any more, and the card says
 * why there is no preview. Never rejects.
 */
export async function describeForCard(
  gateway: Pick<Gateway, 'clock' | 'log' | 'rules' | 'store'>,
  approval: Approval,
): Promise<void> {
  const { facts, answersTo, state, server, tool, createdAt } = approval;
  if (facts !== undefined || answersTo !== null || state !== 'pending' || isForged(approval)) return;
  const policy = gateway.rules.policy(server);
  const ask = policy === null ? null : askFor(policy, tool);
  if (ask?.preview && gateway.clock.now().getTime() - createdAt.getTime() < PREVIEW_BOUNDS.ms + KEEP_MS) return;
  const particulars = particularsOf(approval, ask?.usual ?? null, createdAt);
  const preview: Preview | null = ask?.preview ? { kind: 'none', tool: ask.preview.tool, why: LOST } : null;
  try {
    const unusual = await unusualLines(gateway, approval, particulars);
    await within(KEEP_MS, gateway.store.keepFacts(approval.id, { unusual, preview, particulars }, null));
  } catch (error) {
    gateway.log.warn({ approval: approval.id, err: error }, 'a card comes without what was to be found out for it');
  }
}

/**
 * The same for a call that a person proposed, which nobody has made yet: what is unusual of it. Its server is not asked: that
 * would be done in the name of an agent that may never call it.
 */
export function beginDescribingProposal(
  gateway: Pick<Gateway, 'clock' | 'describing' | 'log' | 'store' | 'vault'>,
  id: string,
  { usual, preview: asked }: Pick<AskVerdict['ask'], 'preview' | 'usual'>,
): Promise<void> {
  return gateway.describing.begin(id, false, async () => {
    try {
      const approval = await gateway.store.find(id);
      if (approval === null || isForged(approval)) return;
      const particulars = particularsOf(approval, usual ?? null, approval.createdAt);
      const preview: Preview | null = asked ? { kind: 'none', tool: asked.tool, why: NOT_ASKED } : null;
      const facts: CallFacts = { unusual: await unusualLines(gateway, approval, particulars), preview, particulars };
      const event = preview === null ? null : describedEvent(gateway, approval, facts, preview);
      await gateway.store.keepFacts(id, facts, event);
    } catch (error) {
      gateway.log.warn({ approval: id, err: error }, 'a card comes without what was to be found out for it');
    }
  });
}

const NOT_ASKED = 'a person proposed this call, and its server is asked for calls of agents only';

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
    return NOT_READ;
  }
}

/** Nor what is unusual of a call that can be erased, which is kept with it. Never what the server said: its digest, so that what is shown can be compared with it. */
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
    data: {
      preview: preview.tool,
      ...said,
      ...(approval.trace.salt === undefined && { unusual: unusual.map(summaryText) }),
    },
  });
}
