import type { JsonObject } from '../../domain/json/json.ts';
import type { SlackApi } from '../wire/api.ts';
import { fatal, type SetupFault, unanswered, weak } from './fault.ts';
import { type Sample, sampleCards } from './sample-cards.ts';

/** Details of Slack's that are told of one sample. */
const FEW = 3;

/**
 * Has Slack judge one of every kind of card and window by its own rules, without posting anything: `blocks.validate` needs
 * no scope (https://docs.slack.dev/reference/methods/blocks.validate).
 */
export async function cardFaults(
  api: SlackApi,
  publicUrl: string | null,
  /** Windows of other rooms. */
  more: readonly Sample[],
): Promise<SetupFault[]> {
  const faults: SetupFault[] = [];
  for (const { what, blocks, view } of [...sampleCards(publicUrl), ...more]) {
    const args = blocks === undefined ? { view: view! } : { message: { blocks } };
    const answer = await api.call('blocks.validate', args as unknown as JsonObject);
    if (answer.ok) continue;
    const { failure } = answer;
    if (failure.code === 'unknown_method') {
      const remedy = 'Post one card by hand: let an agent make a gated call.';
      return [weak('this Slack does not judge cards before they are posted', remedy)];
    }
    const silent = unanswered(failure);
    if (silent !== null) return [...faults, silent];
    const why = [failure.code, ...(failure.details ?? []).slice(0, FEW)].join('; ');
    faults.push(
      fatal(`Slack would refuse ${what} (${why})`, 'Tell the makers of Holdfast; the console works meanwhile.'),
    );
  }
  return faults;
}
