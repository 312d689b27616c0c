import type { Approval } from '../../domain/approval/approval.ts';
import { type FreezeScope, freezeReason, scopeWords } from '../../domain/freeze/freeze.ts';
import type { LiftFreeze } from '../../gateway/freeze/lift-freeze.ts';
import type { SetFreeze } from '../../gateway/freeze/set-freeze.ts';
import { type ModalView, noticeView } from '../card/modals.ts';
import type { Ack, ClickDeps, OtherTerms } from '../click/take-clicks.ts';
import { doorWords } from '../click/words.ts';
import { strangeness } from '../people/identity.ts';
import { readStop, type StopShortcut, type StopSubmission } from './stop-payload.ts';
import { freezeLine, STOP_INPUTS, type Stops, stopView } from './stop-view.ts';

/** What an operator can do in Slack; the functions are the gateway's use cases. */
export interface OperatorTerms {
  isOperator(user: string): boolean;
  stops(): Stops;
  freeze(scope: FreezeScope, reason: string, user: string): Promise<SetFreeze>;
  thaw(id: string, reason: string, user: string): Promise<LiftFreeze>;
}

interface StopTerms extends OtherTerms {
  readonly operator: OperatorTerms;
}

const ANSWER_MS = 3_000;
const NOT_AN_OPERATOR =
  'Only operators can freeze and thaw. Whoever runs Holdfast can list you under operators in its config.';

/** What takes the stop button's payloads; undefined: nobody has one. */
export function stopTaker(operator: OperatorTerms | undefined): ClickDeps['takeOther'] {
  return operator === undefined ? undefined : (terms, body, ack) => takeStop({ ...terms, operator }, body, ack);
}

/**
 * Takes a verified payload of the stop button: the shortcut opens the modal, and its submission freezes or thaws. The ack
 * is sent once the freeze is durable. False: the payload is about something else.
 */
async function takeStop(terms: StopTerms, body: unknown, ack: Ack): Promise<boolean> {
  const stop = readStop(body);
  if (stop === null) return false;
  if (stop.kind === 'submission') {
    await ack(await submitted(terms, stop));
    return true;
  }
  const view = await opened(terms, stop);
  await ack();
  if (typeof view === 'string') await tellPrivately(terms, stop, view);
  else {
    const answer = await terms.api.call('views.open', { trigger_id: stop.trigger, view });
    if (!answer.ok) terms.log.warn({ why: answer.failure.code }, 'Slack did not open a window');
  }
  return true;
}

/** The modal, or why there is none. Who sends it is looked at again: opening it changes nothing. */
async function opened(
  { operator, look, app, log }: StopTerms,
  { who, card }: StopShortcut,
): Promise<ModalView | string> {
  if (app !== null && who.app !== null && who.app !== app) return doorWords('other_app');
  if (!operator.isOperator(who.user)) return NOT_AN_OPERATOR;
  return stopView(operator.stops(), card === null ? null : await cardThere({ look, log }, card));
}

/** The call whose card this message is, which decides what the modal offers first; null: it is none, whatever its buttons say. */
async function cardThere(
  { look, log }: Pick<StopTerms, 'log' | 'look'>,
  { approval, fingerprint, channel, ts }: NonNullable<StopShortcut['card']>,
): Promise<Approval | null> {
  const seen = await look(approval).catch((error) => {
    log.warn({ err: error }, 'the card on which a shortcut was used could not be looked up');
    return null;
  });
  if (seen?.card?.ts !== ts || seen.card.channel !== channel) return null;
  return seen.approval.fingerprint.startsWith(fingerprint) ? seen.approval : null;
}

async function submitted(terms: StopTerms, { who, choice, reason }: StopSubmission): Promise<object> {
  const { operator, log } = terms;
  const why = freezeReason(reason);
  if ('fault' in why) return { response_action: 'errors', errors: { [STOP_INPUTS.reason]: why.fault } };
  const say = (title: string, text: string) => ({ response_action: 'update', view: noticeView(title, text) });
  if (choice === null) return { response_action: 'errors', errors: { [STOP_INPUTS.what]: 'Choose one of these.' } };
  try {
    const stranger = await strangeness(terms, who);
    if (stranger !== null) return say('Nothing was changed', doorWords(wordOf(stranger)));
    const done =
      choice.kind === 'freeze'
        ? frozenSay(choice.scope, await operator.freeze(choice.scope, why.reason, who.user))
        : thawedSay(await operator.thaw(choice.id, why.reason, who.user));
    return say(...done);
  } catch (error) {
    log.error({ err: error }, 'a freeze asked for in Slack could not be stored');
    return say(
      'Nothing was changed',
      'The gateway’s database does not answer, so nothing was frozen or thawed. Try again.',
    );
  }
}

function wordOf(stranger: NonNullable<Awaited<ReturnType<typeof strangeness>>>) {
  return stranger.kind === 'refused' ? stranger.reason : 'cannot_tell';
}

function frozenSay(scope: FreezeScope, set: SetFreeze): [string, string] {
  switch (set.kind) {
    case 'set':
      return ['Frozen', `${freezeLine(set.freeze)}\nNothing new is sent until an operator thaws.`];
    case 'exists':
      return ['Frozen already', freezeLine(set.freeze)];
    case 'crowded':
      return ['Nothing was changed', 'Too many freezes are in force. Freeze everything.'];
    case 'not_an_operator':
      return ['Nothing was changed', NOT_AN_OPERATOR];
    case 'unknown_scope':
      return ['Nothing was changed', `The config does not know ${scopeWords(scope)}.`];
    default:
      return set satisfies never;
  }
}

function thawedSay(lifted: LiftFreeze): [string, string] {
  switch (lifted.kind) {
    case 'lifted':
      return ['Thawed', `${freezeLine(lifted.freeze)}\nThis is lifted; what waits goes on.`];
    case 'already':
      return ['Nothing was changed', 'It was lifted before.'];
    case 'not_found':
      return ['Nothing was changed', 'There is no such freeze.'];
    case 'not_an_operator':
      return ['Nothing was changed', NOT_AN_OPERATOR];
    default:
      return lifted satisfies never;
  }
}

/** A shortcut used outside a message has no place of its own to answer in: the words are shown in a modal. */
async function tellPrivately(
  { api, log }: StopTerms,
  { responseUrl, trigger }: StopShortcut,
  text: string,
): Promise<void> {
  if (responseUrl !== null) {
    const body = JSON.stringify({ text, response_type: 'ephemeral', replace_original: false });
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body, redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) } as const;
    const told = await fetch(responseUrl, init).then(
      (response) => response.body?.cancel().then(() => response.ok) ?? response.ok,
      () => false,
    );
    if (told) return;
  }
  const answer = await api.call('views.open', { trigger_id: trigger, view: noticeView('Freeze or thaw', text) });
  if (!answer.ok) log.warn({ why: answer.failure.code }, 'a person could not be told what became of a shortcut');
}
