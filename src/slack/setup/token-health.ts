import type { CardsTrouble, Clock, Log } from '../../ports.ts';
import type { SlackAnswer, SlackApi } from '../wire/api.ts';
import { type SetupFault, unanswered } from './fault.ts';
import { appTokenFault, botTokenFault, refusesToken } from './token-fault.ts';

/** Milliseconds after which Slack's last answer is too old: while all is well, and while it is not. */
const ASK_AGAIN_MS = 60_000;
const ASK_AGAIN_IN_TROUBLE_MS = 10_000;

/** Whether Slack accepts our tokens, learnt from the calls that are made anyway. */
export class TokenHealth {
  /** The same Slack, whose answers this class reads. */
  readonly api: SlackApi;
  readonly #clock: Clock;
  readonly #log: Log;
  #botToken: CardsTrouble | null = null;
  #appToken: CardsTrouble | null = null;
  #answeredAt = 0;

  constructor(api: SlackApi, clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    this.api = {
      call: async (method, args) => {
        const answer = await api.call(method, args);
        this.#learn(answer);
        return answer;
      },
    };
  }

  /**
   * What keeps cards or clicks from working, by Slack's last answer; null if nothing is known to. Never waits: if that
   * answer is too old, Slack is asked again for the next caller.
   */
  trouble(): CardsTrouble | null {
    const now = this.#clock.now().getTime();
    if (now - this.#answeredAt >= (this.#botToken === null ? ASK_AGAIN_MS : ASK_AGAIN_IN_TROUBLE_MS)) {
      this.#answeredAt = now;
      void this.api.call('auth.test', {}).catch(() => undefined);
    }
    return this.#botToken ?? this.#appToken;
  }

  /** How an attempt to open Socket Mode ended: Slack's error code, or null if it is open. */
  onSocketAttempt(code: string | null): void {
    if (code !== null && !refusesToken(code)) return;
    const trouble = code === null ? null : refused(appTokenFault(code));
    this.#appToken = this.#logged(this.#appToken, trouble, 'SLACK_APP_TOKEN');
  }

  #learn(answer: SlackAnswer): void {
    this.#answeredAt = this.#clock.now().getTime();
    // A rate limit says nothing new about the token.
    if (!answer.ok && answer.failure.code === 'ratelimited') return;
    this.#botToken = this.#logged(this.#botToken, answer.ok ? null : troubleOf(answer), 'SLACK_BOT_TOKEN');
  }

  /** Logs a refusal once, with its remedy, and its end. Silence is logged by whatever waits for Slack's answer. */
  #logged(before: CardsTrouble | null, now: CardsTrouble | null, token: string): CardsTrouble | null {
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
