import type { CardsTrouble, Clock, Log } from '../../ports.ts';
import type { SlackAnswer, SlackApi } from '../wire/api.ts';
import { type SetupFault, unanswered } from './fault.ts';
import { appTokenFault, botTokenFault, refusesToken } from './token-fault.ts';

/** Milliseconds after which the last word from Slack is asked for again: while all is well, and while it is not. */
const AGAIN_MS = 60_000;
const AGAIN_TROUBLED_MS = 10_000;

/** Whether Slack takes our tokens, heard from every call that is made anyway. */
export class TokenHealth {
  /** The same Slack; what it answers is heard. */
  readonly api: SlackApi;
  readonly #clock: Clock;
  readonly #log: Log;
  #bot: CardsTrouble | null = null;
  #line: CardsTrouble | null = null;
  #heardAt = 0;

  constructor(api: SlackApi, clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.api = {
      call: async (method, args) => {
        const answer = await api.call(method, args);
        this.#hear(answer);
        return answer;
      },
    };
  }

  /**
   * What keeps cards or clicks from working, as of Slack's last word; null: nothing that is known. Never waits: a word
   * that is too old is asked for again, for the next time.
   */
  trouble(): CardsTrouble | null {
    const now = this.#clock.now().getTime();
    if (now - this.#heardAt >= (this.#bot === null ? AGAIN_MS : AGAIN_TROUBLED_MS)) {
      this.#heardAt = now;
      void this.api.call('auth.test', {}).catch(() => undefined);
    }
    return this.#bot ?? this.#line;
  }

  /** How the opening of Socket Mode went: Slack's refusal, or null when it is open. */
  onSocketAttempt(code: string | null): void {
    if (code !== null && !refusesToken(code)) return;
    this.#line = this.#changed(this.#line, code === null ? null : refused(appTokenFault(code)), 'SLACK_APP_TOKEN');
  }

  #hear(answer: SlackAnswer): void {
    this.#heardAt = this.#clock.now().getTime();
    // To be told to wait says nothing new.
    if (!answer.ok && answer.failure.code === 'ratelimited') return;
    this.#bot = this.#changed(this.#bot, answer.ok ? null : troubleOf(answer), 'SLACK_BOT_TOKEN');
  }

  /** A refusal is said aloud once, with its remedy, and its end too; silence is told where something waits for it. */
  #changed(before: CardsTrouble | null, now: CardsTrouble | null, token: string): CardsTrouble | null {
    if (now?.kind === 'refused' && now.what !== before?.what) this.#log.error({ remedy: now.remedy }, now.what);
    if (now === null && before?.kind === 'refused') this.#log.info({}, `Slack takes ${token} again`);
    return now;
  }
}

function troubleOf({ failure }: Extract<SlackAnswer, { ok: false }>): CardsTrouble | null {
  if (refusesToken(failure.code)) return refused(botTokenFault(failure.code));
  const silent = unanswered(failure);
  return silent === null ? null : { kind: 'silent', what: silent.what, remedy: silent.remedy };
}

const refused = ({ what, remedy }: SetupFault): CardsTrouble => ({ kind: 'refused', what, remedy });
