import type { JsonObject } from '../../domain/json/json.ts';
import type { Log } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import type { ModalView } from '../card/modals.ts';
import type { SlackApi } from '../wire/api.ts';
import type { Interaction } from './payload.ts';
import { CLICK_NOTICES } from './words.ts';

/** What to do beside the ack. */
export type FollowUp =
  | { readonly kind: 'tell'; readonly text: string }
  | { readonly kind: 'open'; readonly view: ModalView }
  | { readonly kind: 'update'; readonly view: ModalView };

const ANSWER_MS = 3_000;
/** Milliseconds between the tries to reach a person. */
const PAUSES_MS = [500, 2_000, 8_000];

export interface FollowUpPatience {
  /** Once aborted, there are no more pauses: one last try is made at once. */
  readonly leaving: AbortSignal;
}

/**
 * Does what is left after a click was judged; none of it can change a decision. Resolves to whether it reached the
 * person. With `patience`, words that Slack does not accept are sent again.
 */
export async function sendFollowUp(
  api: SlackApi,
  log: Log,
  interaction: Interaction,
  followUp: FollowUp,
  patience: FollowUpPatience | null,
): Promise<boolean> {
  switch (followUp.kind) {
    case 'tell':
      return tell(api, log, interaction, followUp.text, patience);
    case 'open': {
      if (interaction.kind !== 'click') return false;
      const opened = await api.call('views.open', { trigger_id: interaction.trigger, view: followUp.view });
      if (opened.ok) return true;
      log.warn({ why: opened.failure.code }, 'Slack did not open a window');
      return tell(api, log, interaction, CLICK_NOTICES.notOpened, patience);
    }
    case 'update': {
      if (interaction.kind !== 'click' || interaction.on.kind !== 'view') return false;
      const { id, hash } = interaction.on;
      const updated = await api.call('views.update', { view_id: id, hash, view: followUp.view });
      if (!updated.ok) log.warn({ why: updated.failure.code }, 'Slack did not update a window');
      return updated.ok;
    }
    default:
      return followUp satisfies never;
  }
}

async function tell(
  api: SlackApi,
  log: Log,
  interaction: Interaction,
  text: string,
  patience: FollowUpPatience | null,
): Promise<boolean> {
  for (const pauseMs of patience === null ? [0] : [...PAUSES_MS, 0]) {
    const failure = await tellOnce(api, interaction, text);
    if (failure === null) return true;
    log.warn({ why: failure }, 'a person could not be told what became of a click');
    if (patience === null || patience.leaving.aborted || failure === 'nowhere') return false;
    if (pauseMs > 0) await pause(pauseMs, patience.leaving);
  }
  return false;
}

/** Tells only the person who clicked. Resolves to null, or to why they were not reached. */
async function tellOnce(api: SlackApi, interaction: Interaction, text: string): Promise<string | null> {
  const url = interaction.kind === 'click' ? interaction.responseUrl : null;
  if (url !== null && (await postTo(url, text))) return null;
  const channel = channelOf(interaction);
  if (channel === null) return 'nowhere';
  const sent = await api.call('chat.postEphemeral', { channel, user: interaction.who.user, text });
  return sent.ok ? null : sent.failure.code;
}

async function postTo(responseUrl: string, text: string): Promise<boolean> {
  const body: JsonObject = { text, response_type: 'ephemeral', replace_original: false };
  try {
    const response = await fetch(responseUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      // Workers do not support 'error'; either way, a redirect is not Slack's answer.
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function channelOf(interaction: Interaction): string | null {
  if (interaction.kind === 'submission') return interaction.memory?.channel ?? null;
  const { on } = interaction;
  if (on.kind === 'home') return null;
  return on.kind === 'message' ? on.channel : (on.memory?.channel ?? null);
}
