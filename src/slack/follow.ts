import type { JsonObject } from '../domain/json.ts';
import type { Log } from '../ports.ts';
import { WORDS_FOR } from './answer.ts';
import type { SlackApi } from './api.ts';
import { readViewMemory } from './button.ts';
import type { Next } from './interaction.ts';
import type { Interaction } from './payload.ts';

const ANSWER_MS = 3_000;

/** Does what comes after the acknowledgement. Nothing here can change a decision, so failures are only logged. */
export async function follow(api: SlackApi, log: Log, interaction: Interaction, next: Next): Promise<void> {
  switch (next.kind) {
    case 'tell':
      return tell(api, log, interaction, next.text);
    case 'open': {
      if (interaction.kind !== 'click') return;
      const opened = await api.call('views.open', { trigger_id: interaction.trigger, view: next.view });
      if (opened.ok) return;
      log.warn({ why: opened.failure.code }, 'Slack did not open a window');
      return tell(api, log, interaction, WORDS_FOR.notOpened);
    }
    case 'update': {
      if (interaction.kind !== 'click' || interaction.on.kind !== 'view') return;
      const { id, hash } = interaction.on;
      const updated = await api.call('views.update', { view_id: id, hash, view: next.view });
      if (!updated.ok) log.warn({ why: updated.failure.code }, 'Slack did not update a window');
      return;
    }
    default:
      return next satisfies never;
  }
}

/** Tells only the person who clicked. */
async function tell(api: SlackApi, log: Log, interaction: Interaction, text: string): Promise<void> {
  const url = interaction.kind === 'click' ? interaction.responseUrl : null;
  if (url !== null && (await answered(url, text))) return;
  const channel = channelOf(interaction);
  if (channel === null) return;
  const sent = await api.call('chat.postEphemeral', { channel, user: interaction.who.user, text });
  if (!sent.ok) log.warn({ why: sent.failure.code }, 'a person could not be told what became of a click');
}

async function answered(url: string, text: string): Promise<boolean> {
  const body: JsonObject = { text, response_type: 'ephemeral', replace_original: false };
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

function channelOf(interaction: Interaction): string | null {
  if (interaction.kind === 'submission') return readViewMemory(interaction.memory)?.channel ?? null;
  const { on } = interaction;
  return on.kind === 'message' ? on.channel : (readViewMemory(on.memory)?.channel ?? null);
}
