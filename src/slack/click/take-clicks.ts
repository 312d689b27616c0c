import type { IdentityTerms } from '../people/identity.ts';
import { People } from '../people/people.ts';
import type { Routing } from '../place/routing.ts';
import type { SlackApi } from '../wire/api.ts';
import { sendFollowUp } from './follow-up.ts';
import { type InteractionTerms, interact } from './interact.ts';
import { readInteraction } from './payload.ts';

/** What taking clicks needs, whoever brings them. The functions are the gateway's use cases. */
export interface ClickDeps extends Routing, Omit<InteractionTerms, 'people' | 'app' | 'routing'> {
  readonly api: SlackApi;
  /** Where cards go, as it is at each click; absent: as it stands here, for good. */
  readonly routing?: Routing | undefined;
  /** Whose clicks count, as it is at each click; absent: as `people` and what follows say, for good. */
  readonly identity?: { readonly now: IdentityTerms } | undefined;
  /** Shared with the cards, so that both rest on the same facts; made here when absent. */
  readonly people?: People | undefined;
  /** The workspace (T…) and organisation (E…); asked of Slack when absent. */
  readonly team?: string | undefined;
  readonly enterprise?: string | undefined;
  /** The app's id (A…): clicks on another app's buttons are refused. */
  readonly appId?: string | undefined;
}

export type Ack = (answer?: unknown) => Promise<void>;

export interface Clicks {
  /**
   * Takes one verified payload. Acknowledged: the click is recorded, or its person was told that it is not. Resolved
   * without an `ack`: it was not ours.
   */
  take(body: unknown, ack: Ack): Promise<void>;
  /** Resolves when everything taken so far is done. For the end: from now on nobody rests between two tries. */
  settled(): Promise<void>;
}

/** From a verified payload to the recorded decision, the ack, and what the person is told. Free of Bolt. */
export function takeClicks(deps: ClickDeps): Clicks {
  const { api, log } = deps;
  const terms = { ...deps, routing: deps.routing ?? deps };
  const identity = deps.identity ?? { now: fixedIdentity(deps) };
  const underWay = new Set<Promise<void>>();
  const leaving = new AbortController();

  async function take(body: unknown, ack: Ack): Promise<void> {
    const interaction = readInteraction(body);
    if (interaction === null) return;
    // One snapshot for the whole click: it is never judged half by the old home and half by the new one.
    const judged: InteractionTerms = { ...terms, ...identity.now };
    const { ack: answer, next, unrecorded = false } = await interact(judged, interaction);
    // Whoever cannot be told that the click is lost must see it by Slack's own error, which an ack would take away.
    if (unrecorded && next !== null && !(await sendFollowUp(api, log, interaction, next, null))) {
      throw new Error('a click was not recorded, and its person could not be told');
    }
    // The decision is durable by now, or will never be: after the ack Slack forgets the click.
    await ack(answer ?? undefined);
    if (!unrecorded && next !== null) await sendFollowUp(api, log, interaction, next, { leaving: leaving.signal });
  }

  return {
    take(body, ack) {
      const taking = take(body, ack).finally(() => underWay.delete(taking));
      underWay.add(taking);
      return taking;
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
