import type { SlackStandIn } from '../../src/demo/slack/stand-in.ts';
import { type Approval, needsNoCard } from '../../src/domain/approval/approval.ts';
import { renderCard } from '../../src/slack/card/card.ts';
import { CHANNEL } from '../support/gateway/program.ts';

/** Every approval has one card, and it shows the approval as it is. */
export function cardsAreTrue(slack: SlackStandIn, approvals: readonly Approval[]): string[] {
  const cards = Map.groupBy(slack.messages(CHANNEL), ({ metadata }) => about(metadata).approval);
  const faults: string[] = [];
  for (const approval of approvals) {
    const own = cards.get(approval.id) ?? [];
    // What ended before its card was posted, with nobody's decision, has none.
    if (own.length === 0 && needsNoCard(approval)) continue;
    if (own.length !== 1) faults.push(`${approval.id} (${approval.state}) has ${own.length} cards`);
    for (const card of own) {
      const { revision } = about(card.metadata);
      if (revision !== approval.revision) {
        faults.push(
          `${approval.id} is ${approval.state} at ${approval.revision}, its card shows ${revision}: ${card.text}`,
        );
      } else if (card.text !== renderCard(approval, {}).text) {
        faults.push(`${approval.id} is ${approval.state}, its card says ${card.text}`);
      }
    }
  }
  return faults;
}

function about(metadata: unknown): { approval: string; revision: number } {
  const { event_payload: payload } = (metadata ?? {}) as { event_payload?: { approval: string; revision: number } };
  return payload ?? { approval: '', revision: -1 };
}
