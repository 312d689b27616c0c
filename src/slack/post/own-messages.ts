import { type Json, member } from '../../domain/json/json.ts';
import type { SlackApi, SlackFailure } from '../wire/api.ts';

/** Our app's bot, as Slack names it: a user and a bot. */
interface OwnBot {
  readonly user: unknown;
  readonly bot: unknown;
}

/**
 * Recognises the messages that our own app posted. What else is in a message (text, blocks, metadata) anybody may have
 * written: metadata is no secret, and every app of the workspace can post the same. Who posted it, only Slack says.
 */
export class OwnMessages {
  readonly #api: SlackApi;
  #bot: OwnBot | null = null;

  constructor(api: SlackApi) {
    this.#api = api;
  }

  /** The first of these messages that we posted; null: none; a failure where Slack does not say who we are. */
  async first(
    messages: readonly Json[],
  ): Promise<{ readonly message: Json | null } | { readonly failure: SlackFailure }> {
    if (messages.length === 0) return { message: null };
    if (this.#bot === null) {
      const answer = await this.#api.call('auth.test', {});
      if (!answer.ok) return answer;
      this.#bot = { user: member(answer.body, 'user_id'), bot: member(answer.body, 'bot_id') };
    }
    const { user, bot } = this.#bot;
    // In an organisation each workspace may have a bot of its own for the same user.
    const isOurs = (message: Json) => is(member(message, 'user'), user) || is(member(message, 'bot_id'), bot);
    return { message: messages.find(isOurs) ?? null };
  }
}

function is(one: unknown, own: unknown): boolean {
  return typeof own === 'string' && own !== '' && one === own;
}
