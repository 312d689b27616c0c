import { type Json, member } from '../../domain/json.ts';
import { revisionIn } from '../card/block-kit.ts';
import { CARD_ACTIONS, type CardAction, DECISION_VIEWS, type DecisionView } from '../card/button.ts';
import { REASON_INPUT } from '../card/modals.ts';

/** Who clicked, in Slack's words. Ids only: names can be chosen by anybody. */
export interface Clicker {
  readonly user: string;
  /** The person's own workspace, or on Grid the organisation (`E…`). */
  readonly userTeam: string | null;
  /** The workspace that the app was used in; null for an installation on a whole organisation. */
  readonly team: string | null;
  readonly app: string | null;
}

export interface OnMessage {
  readonly kind: 'message';
  readonly channel: string;
  readonly ts: string;
}

export interface OnView {
  readonly kind: 'view';
  readonly id: string;
  readonly hash: string;
  /** `private_metadata`, as it came. */
  readonly memory: string;
}

export interface Click {
  readonly kind: 'click';
  readonly who: Clicker;
  readonly action: CardAction;
  readonly value: string;
  /** The revision that the clicked card showed; null: not told, or no card. */
  readonly revision: number | null;
  readonly on: OnMessage | OnView;
  readonly trigger: string;
  readonly responseUrl: string | null;
}

export interface Submission {
  readonly kind: 'submission';
  readonly who: Clicker;
  readonly view: DecisionView;
  readonly memory: string;
  /** What the person typed; null when nothing. */
  readonly words: string | null;
}

export type Interaction = Click | Submission;

/** Reads a verified payload. Null for everything that no card or view of ours can have caused. */
export function readInteraction(body: unknown): Interaction | null {
  const who = clicker(body);
  if (who === null) return null;
  const type = member(body, 'type');
  if (type === 'block_actions') return click(body, who);
  if (type === 'view_submission') return submission(body, who);
  return null;
}

function clicker(body: unknown): Clicker | null {
  const user = text(body, 'user', 'id');
  if (user === null || !/^[UW][A-Z0-9]{2,}$/.test(user)) return null;
  return {
    user,
    userTeam: text(body, 'user', 'team_id'),
    team: text(body, 'team', 'id'),
    app: text(body, 'api_app_id'),
  };
}

function click(body: unknown, who: Clicker): Click | null {
  const actions = member(body, 'actions');
  if (!Array.isArray(actions) || actions.length !== 1) return null;
  const action = CARD_ACTIONS.find((one) => one === member(actions[0], 'action_id'));
  const on = place(body);
  if (action === undefined || on === null) return null;
  return {
    kind: 'click',
    who,
    action,
    value: text(actions[0], 'value') ?? '',
    revision: on.kind === 'message' ? revisionIn(text(actions[0], 'block_id')) : null,
    on,
    trigger: text(body, 'trigger_id') ?? '',
    responseUrl: text(body, 'response_url'),
  };
}

function place(body: unknown): OnMessage | OnView | null {
  const kind = text(body, 'container', 'type');
  if (kind === 'message' && member(member(body, 'container'), 'is_ephemeral') !== true) {
    const [channel, ts] = [text(body, 'container', 'channel_id'), text(body, 'container', 'message_ts')];
    return channel === null || ts === null ? null : { kind, channel, ts };
  }
  if (kind === 'view') {
    const id = text(body, 'view', 'id');
    if (id === null) return null;
    return { kind, id, hash: text(body, 'view', 'hash') ?? '', memory: text(body, 'view', 'private_metadata') ?? '' };
  }
  return null;
}

function submission(body: unknown, who: Clicker): Submission | null {
  const view = DECISION_VIEWS.find((one) => one === text(body, 'view', 'callback_id'));
  if (view === undefined) return null;
  return {
    kind: 'submission',
    who,
    view,
    memory: text(body, 'view', 'private_metadata') ?? '',
    words: kept(text(body, 'view', 'state', 'values', REASON_INPUT.block, REASON_INPUT.action, 'value')),
  };
}

/** As long as Slack's own client lets them be, and fit for SQL, which holds neither NUL nor half characters. */
function kept(words: string | null): string | null {
  return words === null ? null : words.slice(0, REASON_INPUT.longest).replaceAll('\0', '').toWellFormed();
}

/** A string that is there and not empty. */
function text(from: unknown, ...path: readonly string[]): string | null {
  const value = path.reduce<unknown>((at, name) => member(at, name), from) as Json | undefined;
  return typeof value === 'string' && value !== '' ? value : null;
}
