import type { JsonObject } from '../domain/json.ts';
import type { Log } from '../ports.ts';
import { pause } from '../time/pause.ts';
import { WORDS_FOR } from './answer.ts';
import type { SlackApi } from './api.ts';
import { readViewMemory } from './button.ts';
import type { Next } from './interaction.ts';
import type { Interaction } from './payload.ts';

const ANSWER_MS = 3_000;
/** Milliseconds between the tries to reach a person. */
const RESTS = [500, 2_000, 8_000];

export interface FollowUpPatience {
  /** No more rests: every try that is left is made at once, and is the last. */
  readonly leaving: AbortSignal;
}

/**
 * Does what comes after a click was judged. Nothing here can change a decision. Resolves to whether it reached the
 * person; with `patience`, a word that Slack does not take is tried again.
 */
export async function follow(
  api: SlackApi,
  log: Log,
  interaction: Interaction,
  next: Next,
  patience: FollowUpPatience | null,
): Promise<boolean> {
  switch (next.kind) {
    case 'tell':
      return tell(api, log, interaction, next.text, patience);
    case 'open': {
      if (interaction.kind !== 'click') return false;
      const opened = await api.call('views.open', { trigger_id: interaction.trigger, view: next.view });
      if (opened.ok) return true;
      log.warn({ why: opened.failure.code }, 'Slack did not open a window');
      return tell(api, log, interaction, WORDS_FOR.notOpened, patience);
    }
    case 'update': {
      if (interaction.kind !== 'click' || interaction.on.kind !== 'view') return false;
      const { id, hash } = interaction.on;
      const updated = await api.call('views.update', { view_id: id, hash, view: next.view });
      if (!updated.ok) log.warn({ why: updated.failure.code }, 'Slack did not update a window');
      return updated.ok;
    }
    default:
      return next satisfies never;
  }
}

async function tell(
  api: SlackApi,
  log: Log,
  interaction: Interaction,
  text: string,
  patience: FollowUpPatience | null,
): Promise<boolean> {
  for (const ms of patience === null ? [0] : [...RESTS, 0]) {
    const why = await told(api, interaction, text);
    if (why === null) return true;
    log.warn({ why }, 'a person could not be told what became of a click');
    if (patience === null || patience.leaving.aborted || why === 'nowhere') return false;
    if (ms > 0) await pause(ms, patience.leaving);
  }
  return false;
}

/** Tells only the person who clicked: null, or why not. */
async function told(api: SlackApi, interaction: Interaction, text: string): Promise<string | null> {
  const url = interaction.kind === 'click' ? interaction.responseUrl : null;
  if (url !== null && (await answered(url, text))) return null;
  const channel = channelOf(interaction);
  if (channel === null) return 'nowhere';
  const sent = await api.call('chat.postEphemeral', { channel, user: interaction.who.user, text });
  return sent.ok ? null : sent.failure.code;
}

async function answered(url: string, text: string): Promise<boolean> {
  const body: JsonObject = { text, response_type: 'ephemeral', replace_original: false };
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      // Workers know no 'error'; a redirect is no answer of Slack's either way.
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
  if (interaction.kind === 'submission') return readViewMemory(interaction.memory)?.channel ?? null;
  const { on } = interaction;
  return on.kind === 'message' ? on.channel : (readViewMemory(on.memory)?.channel ?? null);
}
