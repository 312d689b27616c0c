/** What an attacker may try with clicks and payloads. Each is aimed at a pending approval and must not decide it. */
import type { Forgery, Reaction } from '../../../src/demo/slack/interactivity/delivery.ts';
import type { ClickGesture } from '../../../src/demo/slack/interactivity/gestures.ts';
import type { SlackStandIn } from '../../../src/demo/slack/stand-in.ts';
import { CHANNEL } from '../gateway/program.ts';

/** A pending approval with its card; `value` is what its genuine button carries. */
export interface AttackTarget {
  readonly id: string;
  readonly ts: string;
  readonly value: string;
}

export interface Aim {
  readonly slack: SlackStandIn;
  /** A small call, whose card shows all of it. */
  readonly target: AttackTarget;
  /** Another small call, of the same tool. */
  readonly other: AttackTarget;
  /** A call whose card cannot show everything. */
  readonly long: AttackTarget;
}

export interface Attack {
  readonly try: (aim: Aim) => Promise<Reaction | unknown>;
  /** The reason in the `approval.refused` event; absent: there is no such event. */
  readonly reason?: string;
  /** HTTP status; absent: 200. Over Socket Mode only 200 means acknowledged. */
  readonly status?: number;
  /** Needs its own headers or body, so it can be tried over HTTP only. */
  readonly http?: true;
}

/** People who are named as approvers but whose vote must not count. */
export const NAMED = [
  'U0OUT',
  'U0STR',
  'U0LIE',
  'U0GUEST',
  'U0GUEST1',
  'U0BOT',
  'U0FLOW',
  'U0GONE',
  'U0NOBODY',
  'U0SAM',
  'USLACKBOT',
];

export function populate(slack: SlackStandIn): void {
  slack.addUser({ id: 'U0OUT', team_id: 'T0OTHER', is_stranger: true });
  slack.addUser({ id: 'U0STR', is_stranger: true });
  slack.addUser({ id: 'U0LIE', team_id: 'T0OTHER' });
  slack.addUser({ id: 'U0GUEST', is_restricted: true });
  slack.addUser({ id: 'U0GUEST1', is_ultra_restricted: true });
  slack.addUser({ id: 'U0BOT', is_bot: true });
  Object.assign(slack.addUser({ id: 'U0FLOW' }), { is_workflow_bot: true });
  slack.addUser({ id: 'U0GONE', deleted: true });
  slack.addUser({ id: 'USLACKBOT' });
  slack.addUser({ id: 'U0BOB' });
  slack.addUser({ id: 'U0EX' });
  slack.addUserGroup({ id: 'S0EX', users: ['U0ALEX'] });
  slack.addUserGroup({ id: 'S0OFF', users: ['U0BOB'], disabled: true });
  slack.addChannel({ id: 'C0OTHER' });
}

const click = (aim: Aim, more: Partial<ClickGesture> = {}): Promise<Reaction> =>
  aim.slack.click({ user: 'U0MIRA', channel: CHANNEL, ts: aim.target.ts, actionId: 'approve', ...more });

const by = (more: Partial<ClickGesture>, reason: string): Attack => ({ try: (aim) => click(aim, more), reason });
const valued = (change: (target: AttackTarget, aim: Aim) => string, reason?: string): Attack => ({
  try: (aim) => click(aim, { value: change(aim.target, aim) }),
  ...(reason ? { reason } : {}),
});
const acted = (actions: (value: string) => unknown, status: number): Attack => ({
  try: (aim) => click(aim, { overrides: { actions: actions(aim.target.value) } }),
  status,
});

export const WHO: Record<string, Attack> = {
  'somebody who is no approver': by({ user: 'U0BOB' }, 'not_an_approver'),
  'the owner of the agent, who is named': by({ user: 'U0SAM' }, 'own_call'),
  'somebody who has left the group': by({ user: 'U0EX' }, 'not_an_approver'),
  'a Slack Connect outsider, who is named': by({ user: 'U0OUT' }, 'other_team'),
  'the same outsider, with a payload that claims our team': by({ user: 'U0OUT', userTeam: 'T0MAIN' }, 'stranger'),
  'a stranger of our own team': by({ user: 'U0STR' }, 'stranger'),
  'a member of another team whose payload claims ours': by({ user: 'U0LIE', userTeam: 'T0MAIN' }, 'other_team'),
  'an approver, from another workspace': by({ userTeam: 'T0OTHER' }, 'other_team'),
  'an approver, from an unknown organisation': by({ userTeam: 'E0EVIL' }, 'other_team'),
  'an approver, over another workspace’s installation': by({ team: 'T0OTHER' }, 'other_team'),
  'an approver without a team': by({ overrides: { user: { team_id: null } } }, 'other_team'),
  'an approver whose team is a list': by({ overrides: { user: { team_id: ['T0MAIN'] } } }, 'other_team'),
  'a guest, who is named': by({ user: 'U0GUEST' }, 'guest'),
  'a single-channel guest, who is named': by({ user: 'U0GUEST1' }, 'guest'),
  'a bot, which is named': by({ user: 'U0BOT' }, 'bot'),
  'a workflow, which is named': by({ user: 'U0FLOW' }, 'bot'),
  'Slackbot, which is named': by({ user: 'USLACKBOT' }, 'bot'),
  'a deactivated account, which is named': by({ user: 'U0GONE' }, 'deactivated'),
  'somebody Slack has never heard of, who is named': by({ user: 'U0NOBODY' }, 'unknown_person'),
  'another app’s button': by({ overrides: { api_app_id: 'A0OTHER' } }, 'other_app'),
  'a button of no app': by({ overrides: { api_app_id: null } }, 'other_app'),
  'an approver’s name on a stranger’s id': by(
    { overrides: { user: { id: 'U0EVE', name: 'mira', username: 'mira' } } },
    'unknown_person',
  ),
  'the admin’s name in the place of an id': {
    try: (aim) => click(aim, { overrides: { user: { id: 'admin' } } }),
    status: 404,
  },
  'an id in small letters': { try: (aim) => click(aim, { overrides: { user: { id: 'u0mira' } } }), status: 404 },
  'a group’s id in the place of a person’s': {
    try: (aim) => click(aim, { overrides: { user: { id: 'S0EX' } } }),
    status: 404,
  },
  'an id that every object inherits': {
    try: (aim) => click(aim, { overrides: { user: { id: '__proto__' } } }),
    status: 404,
  },
  'a list of ids': { try: (aim) => click(aim, { overrides: { user: { id: ['U0MIRA'] } } }), status: 404 },
};

export const WHERE: Record<string, Attack> = {
  'a click from another message': by({ overrides: { container: { message_ts: '1.000001' } } }, 'wrong_message'),
  'a click from another channel': by({ overrides: { container: { channel_id: 'C0OTHER' } } }, 'wrong_message'),
  'a click from a reply in the card’s thread': {
    try: (aim) => {
      const { ts } = aim.slack.say({ user: 'U0BOB', channel: CHANNEL, text: 'click!', thread_ts: aim.target.ts });
      return click(aim, { overrides: { container: { message_ts: ts, thread_ts: aim.target.ts } } });
    },
    reason: 'wrong_message',
  },
  'this call’s button on another call’s card': {
    try: (aim) => click(aim, { ts: aim.other.ts, value: aim.target.value }),
    reason: 'wrong_message',
  },
  'a click from a message that only one person sees': {
    try: (aim) => click(aim, { overrides: { container: { is_ephemeral: true } } }),
    status: 404,
  },
  'a click from nowhere': { try: (aim) => click(aim, { overrides: { container: null } }), status: 404 },
  'a click from an attachment': {
    try: (aim) => click(aim, { overrides: { container: { type: 'message_attachment' } } }),
    status: 404,
  },
  'a click from a view that does not exist': {
    try: (aim) => click(aim, { overrides: { container: { type: 'view', view_id: 'V0NONE' } } }),
    status: 404,
  },
};

export const WHAT: Record<string, Attack> = {
  'another fingerprint': valued(({ id }) => `${id}:${'ab'.repeat(16)}`, 'other_call'),
  'another call’s fingerprint': valued(({ id }, { other }) => `${id}:${other.value.split(':')[1]}`, 'other_call'),
  'a shorter fingerprint': valued(({ value }) => value.slice(0, -1)),
  'a fingerprint in capitals': valued(({ value }) => value.toUpperCase()),
  'no fingerprint': valued(({ id }) => id),
  'an empty fingerprint': valued(({ id }) => `${id}:`),
  'no value at all': valued(() => ''),
  'two values': valued(({ value }) => `${value}\n${value}`),
  'an approval that does not exist': valued(({ value }) => value.replace(/^[^:]*/, 'ap_none')),
  'an inherited name': valued(({ value }) => value.replace(/^[^:]*/, 'constructor')),
  'SQL in the place of an id': valued(({ value }) => value.replace(/^[^:]*/, "ap' or state='pending' --")),
  'a path in the place of an id': valued(({ value }) => value.replace(/^[^:]*/, '../../approvals')),
  'a NUL': valued(({ value }) => value.replace(':', '\0:')),
  'letters that only look alike': valued(({ value }) => value.replace('ap', 'аp')),
  'ten thousand characters': valued(() => 'x'.repeat(10_000)),
  'an object in the place of a value': acted(
    (value) => [{ action_id: 'approve', type: 'button', value: { value } }],
    200,
  ),
  'two buttons at once': acted(
    (value) => [
      { action_id: 'approve', type: 'button', value },
      { action_id: 'approve', type: 'button', value },
    ],
    404,
  ),
  'no button': acted(() => [], 404),
  'a button that we never made': acted((value) => [{ action_id: 'approve_all', type: 'button', value }], 404),
  'a button with a longer name': acted((value) => [{ action_id: 'approve\n', type: 'button', value }], 404),
  'the short way past a card that could not show everything': {
    try: (aim) =>
      aim.slack.click({
        user: 'U0MIRA',
        channel: CHANNEL,
        ts: aim.long.ts,
        actionId: 'review',
        overrides: { actions: [{ action_id: 'approve', type: 'button', value: aim.long.value }] },
      }),
  },
};

/** A modal that Mira opened on the target, submitted with changes. */
const submitted = (more: object, memory?: (target: AttackTarget, aim: Aim) => string, reason?: string): Attack => ({
  try: async (aim) => {
    const { slack, target } = aim;
    await click(aim, { actionId: 'details' });
    await slack.waitFor(() => slack.openViews('U0MIRA').length > 0, 10_000);
    const { id: viewId } = slack.openViews('U0MIRA').at(-1)!;
    const view = memory ? { overrides: { view: { private_metadata: memory(target, aim) } } } : {};
    const reaction = await slack.submitView({ user: 'U0MIRA', viewId, ...view, ...more });
    while (slack.openViews('U0MIRA').length > 0) await slack.closeView({ user: 'U0MIRA', clear: true });
    return reaction;
  },
  ...(reason ? { reason } : {}),
});

const remembered = (
  { id, value, ts }: AttackTarget,
  different: { print?: string; channel?: string; ts?: string } = {},
) => JSON.stringify([id, different.print ?? value.split(':')[1], 0, different.channel ?? CHANNEL, different.ts ?? ts]);

export const WINDOWS: Record<string, Attack> = {
  'a window without a memory': submitted({}, () => ''),
  'a window that remembers nothing': submitted({}, () => 'null'),
  'a window that remembers an object': submitted({}, () => '{"approval":1}'),
  'a window that remembers half': submitted({}, (target) => remembered(target).slice(0, -20)),
  'a window of another fingerprint': submitted({}, (t) => remembered(t, { print: 'ab'.repeat(16) }), 'other_call'),
  'a window of another message': submitted({}, (t) => remembered(t, { ts: '1.000001' }), 'wrong_message'),
  'a window of another channel': submitted({}, (t) => remembered(t, { channel: 'C0OTHER' }), 'wrong_message'),
  'a window of another call’s card': submitted({}, (t, aim) => remembered(t, { ts: aim.other.ts }), 'wrong_message'),
  'a window nested ten thousand deep': submitted({}, () => `${'['.repeat(10_000)}${']'.repeat(10_000)}`),
  'a window that the owner sends': submitted({ user: 'U0SAM' }, undefined, 'own_call'),
  'a window that an outsider sends': submitted({ userTeam: 'T0OTHER' }, undefined, 'other_team'),
  'a window of another app': submitted({ overrides: { api_app_id: 'A0OTHER' } }, undefined, 'other_app'),
  'a window by another name': {
    ...submitted({ overrides: { view: { callback_id: 'approve_view_2' } } }),
    status: 404,
  },
};

/** The body of a genuine click as Slack would send it; it is not delivered. */
async function genuine(aim: Aim): Promise<string> {
  const { slack } = aim;
  const url = slack.interactivityUrl;
  slack.interactivityUrl = 'http://127.0.0.1:9/';
  await click(aim);
  slack.interactivityUrl = url;
  return slack.deliveries.at(-1)!.body;
}

const now = (): number => Math.floor(Date.now() / 1000);
const sent = (forgery: (body: string, aim: Aim) => Forgery, status: number, body = (text: string) => text): Attack => ({
  try: async (aim) => {
    const text = await genuine(aim);
    return aim.slack.deliver(body(text), forgery(text, aim));
  },
  status,
  http: true,
});
const raw = (body: string, status: number): Attack => ({
  try: ({ slack }) => slack.deliver(body),
  status,
  http: true,
});

export const WIRE: Record<string, Attack> = {
  'a forged signature': sent(() => ({ signature: `v0=${'0'.repeat(64)}` }), 401),
  'a signature with another secret': sent(
    (body) => ({ signature: `v0=${'a'.repeat(64)}`, timestamp: now() - (body.length % 2) }),
    401,
  ),
  'no signature': sent(() => ({ headers: { 'x-slack-signature': '' } }), 401),
  'no timestamp': sent(() => ({ headers: { 'x-slack-request-timestamp': '' } }), 401),
  'a signature of an older version': sent(() => ({ signature: 'v1=00' }), 401),
  'a body changed after signing': sent(
    (body, { slack }) => ({ timestamp: now(), signature: slack.sign(body, now()) }),
    401,
    (body) => body.replace('U0MIRA', 'U0ALEX'),
  ),
  'a timestamp changed after signing': sent(
    (body, { slack }) => ({ timestamp: now(), signature: slack.sign(body, now() - 60) }),
    401,
  ),
  'a click six minutes old': sent(() => ({ timestamp: now() - 360 }), 401),
  'a click six minutes from the future': sent(() => ({ timestamp: now() + 360 }), 401),
  'a click dated "now"': sent(() => ({ timestamp: 'now' }), 401),
  'a click dated 1e10': sent(() => ({ timestamp: '1e10' }), 401),
  'a click as JSON': sent(() => ({ headers: { 'content-type': 'application/json' } }), 400),
  'a click’s own JSON, as events come': sent(
    () => ({ headers: { 'content-type': 'application/json' } }),
    400,
    (body) => new URLSearchParams(body).get('payload') ?? '',
  ),
  'a click as text': sent(() => ({ headers: { 'content-type': 'text/plain' } }), 415),
  'a click given twice in one form': sent(
    () => ({}),
    400,
    (body) => `${body}&${body}`,
  ),
  'a click under another name': sent(
    () => ({}),
    400,
    (body) => body.replace('payload=', 'Payload='),
  ),
  'a handshake that would skip the signature': sent(
    () => ({ signature: 'v0=00' }),
    401,
    (body) => `ssl_check=1&token=retired-verification-token&${body}`,
  ),
  'three megabytes': raw(`payload=${'x'.repeat(3_000_000)}`, 413),
  'no payload': raw('nothing=here', 400),
  'a payload that is no JSON': raw('payload=%7Bnope', 400),
  'a payload that is a list': raw('payload=%5B%5D', 400),
  'a payload nested a hundred thousand deep': raw(`payload=${'['.repeat(100_000)}`, 400),
  'bytes that are no UTF-8': raw('payload=%7B%22type%22%3A%22\xff%22%7D', 404),
  'a slash command': raw('command=%2Fapprove&text=all', 400),
};
