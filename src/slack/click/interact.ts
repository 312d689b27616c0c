import { type Log, Unavailable } from '../../ports.ts';
import { type ActTerms, act } from './act.ts';
import { type AdmissionTerms, admit } from './admit.ts';
import { intentOf } from './intent.ts';
import type { ClickOutcome } from './outcome.ts';
import type { Interaction } from './payload.ts';

/** What handling a click needs. Nothing of it is Bolt's, so that any runtime can do it. */
export interface InteractionTerms extends AdmissionTerms, ActTerms {
  readonly log: Log;
}

/**
 * A verified click or submission, up to the recorded decision. Once it resolves, the decision is durable or will never
 * be, so the ack may be sent. If the store cannot answer, that is the outcome, never a success.
 */
export async function interact(terms: InteractionTerms, interaction: Interaction): Promise<ClickOutcome> {
  const intent = intentOf(interaction);
  if (intent === 'nothing') return { kind: 'nothing' };
  if (intent === 'unreadable') return { kind: 'turned_away', reason: 'other_call' };
  try {
    const admitted = await admit(terms, interaction.who, intent);
    return admitted.kind === 'admitted' ? await act(terms, intent, admitted, interaction.who) : admitted;
  } catch (error) {
    terms.log.error({ err: error }, 'a click in Slack could not be recorded');
    return { kind: error instanceof Unavailable && error.part === 'witness' ? 'not_witnessed' : 'not_recorded' };
  }
}
