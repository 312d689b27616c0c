import { breathe } from '../../time/breathe.ts';
import { type IdentityTerms, LiveIdentity } from '../people/identity.ts';
import { People } from '../people/people.ts';
import type { Routing } from '../place/routing.ts';
import type { SlackApi } from '../wire/api.ts';
import type { Rush } from '../wire/rush.ts';
import { answerTo } from './answer.ts';
import { sendFollowUp } from './follow-up.ts';
import { type InteractionTerms, interact } from './interact.ts';
import { readInteraction } from './payload.ts';

/** What taking clicks needs, whoever brings them. The functions are the gateway's use cases. */
export interface ClickDeps extends Routing, Omit<InteractionTerms, 'people' | 'app' | 'routing'> {
  readonly api: SlackApi;
  /** Where cards go, read anew for each click; if absent, the members of `Routing` here hold for good. */
  readonly routing?: Routing | undefined;
  /** Whose clicks count, read anew for each click; if absent, `people` and what follows hold for good. */
  readonly identity?: { readonly now: IdentityTerms } | undefined;
  /** Told of each click, so that cards give way to it. */
  readonly rush?: Rush | undefined;
  /** Takes payloads that are about no call: resolves to false if this one is. */
  readonly takeOther?: ((terms: OtherTerms, body: unknown, ack: Ack) => Promise<boolean>) | undefined;
  /** Shared with the cards, so that both use the same facts; made here if absent. */
  readonly people?: People | undefined;
  /** The workspace (T…) and organisation (E…); asked of Slack if absent. */
  readonly team?: string | undefined;
  readonly enterprise?: string | undefined;
  /** The app's id (A…): clicks on another app's buttons are refused. */
  readonly appId?: string | undefined;
}

/** What judging a payload needs that is about no call. */
export type OtherTerms = IdentityTerms & Pick<ClickDeps, 'api' | 'log' | 'look'>;

export type Ack = (answer?: unknown) => Promise<void>;

export interface Clicks {
  /**
   * Takes one verified payload. Once acknowledged, the click is recorded, or its person was told that it is not. If it
   * resolves without an ack, the payload was not for us.
   */
  take(body: unknown, ack: Ack): Promise<void>;
  /** For the shutdown: resolves when everything taken so far is done. From now on, retries do not pause. */
  settled(): Promise<void>;
}

/** From a verified payload to the recorded decision, the ack, and what the person is told. Does not need Bolt. */
export function takeClicks(deps: ClickDeps): Clicks {
  const underWay = new Set<Promise<void>>();
  const leaving = new AbortController();
  const identity = deps.identity ?? new LiveIdentity(fixedIdentity(deps));
  const terms = { ...deps, routing: deps.routing ?? deps };
  return {
    take(body, ack) {
      // One snapshot for the whole click, so that it is not judged half by the old home and half by the new one.
      const over = deps.rush?.click();
      const acknowledge: Ack = (answer) => ack(answer).finally(over);
      const taking = takeClick({ ...terms, ...identity.now }, leaving.signal, body, acknowledge);
      const done = taking.finally(() => {
        over?.();
        underWay.delete(done);
      });
      underWay.add(done);
      return done;
    },
    async settled() {
      leaving.abort();
      await Promise.allSettled(underWay);
    },
  };
}

function fixedIdentity({ api, clock, team, enterprise, people, appId }: ClickDeps): IdentityTerms {
  return { people: people ?? new People({ api, clock, team, enterprise }), app: appId ?? null };
}

async function takeClick(
  terms: InteractionTerms & Pick<ClickDeps, 'api' | 'takeOther'>,
  leaving: AbortSignal,
  body: unknown,
  ack: Ack,
): Promise<void> {
  const { api, log, takeOther } = terms;
  if (await takeOther?.(terms, body, ack)) return;
  const interaction = readInteraction(body);
  if (interaction === null) return;
  const outcome = await interact(terms, interaction);
  const answer = answerTo(interaction, outcome);
  const isLost = outcome.kind === 'not_recorded' || outcome.kind === 'not_witnessed';
  // If the person cannot be told that the click is lost, Slack's own error must tell them; an ack would prevent it.
  if (isLost && answer.followUp !== null) {
    const isTold = await sendFollowUp(api, log, interaction, answer.followUp, null);
    if (!isTold) throw new Error('a click was not recorded, and its person could not be told');
  }
  // The call that a decision sets in motion goes first: its client looks at a connection for a turn before it writes.
  if (outcome.kind === 'recorded') await breathe().then(breathe);
  // By now the decision is durable or will never be: after the ack, Slack forgets the click.
  await ack(answer.ack ?? undefined);
  if (!isLost && answer.followUp !== null) await sendFollowUp(api, log, interaction, answer.followUp, { leaving });
}
