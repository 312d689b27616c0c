import type { SlackMessage } from '../state/messages.ts';
import type { SlackView } from '../state/views.ts';
import type { SlackChannel, SlackUser } from '../state/workspace.ts';
import type { World } from '../state/world.ts';
import { listField, part } from '../wire/fields.ts';
import { blocksHtml } from './blocks.ts';
import { html, type SafeHtml, trusted } from './html.ts';
import { mrkdwnHtml } from './mrkdwn.ts';
import { plainHtml } from './plain-text.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

/** Who looks at the page, and at which channel; null: at the app's Home. */
export interface PageViewer {
  readonly user: SlackUser;
  readonly channel: SlackChannel | null;
}

/** What stands for the Home in the place of a channel's id. */
export const HOME = 'home';

/** The parts of the page that change while it is open. */
export function partsOf(world: World, viewer: PageViewer): { side: string; channel: string; modal: string } {
  return {
    side: side(world, viewer).toString(),
    channel: (viewer.channel === null
      ? homeHtml(world, viewer.user)
      : channelHtml(world, viewer.user, viewer.channel)
    ).toString(),
    modal: modalHtml(world, viewer).toString(),
  };
}

export function pageHtml(world: World, viewer: PageViewer, nonce: string): string {
  const parts = partsOf(world, viewer);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading(world, viewer)} · stand-in for Slack</title>
<style nonce="${nonce}">${trusted(STYLE)}</style>
</head>
<body data-as="${viewer.user.id}" data-channel="${placeOf(viewer)}">
<nav id="side">${trusted(parts.side)}</nav>
<main id="channel">${trusted(parts.channel)}</main>
<div id="modal">${trusted(parts.modal)}</div>
<dialog id="confirm"><h2></h2><p></p><div class="foot"><button type="button" class="button" value="no"></button><button type="button" class="button" value="yes"></button></div></dialog>
<div id="toast" role="status"></div>
<script nonce="${nonce}">${trusted(SCRIPT)}</script>
</body>
</html>`;
  return page.toString();
}

function side(world: World, viewer: PageViewer): SafeHtml {
  const { workspace } = world;
  const people = [...workspace.users.values()].filter((user) => !user.is_bot);
  const mine = [...workspace.channels.values()].filter((channel) => channel.members.includes(viewer.user.id));
  return html`<div class="team">${workspace.team.name}<small>a stand-in for Slack</small></div>
<h3>You are</h3>
${people.map(
  (user) =>
    html`<a class="person${user === viewer.user ? ' here' : ''}" href="/?as=${user.id}&channel=${placeOf(viewer)}">${avatar(world, user)}${user.real_name}${
      user.deleted ? html`<small>deactivated</small>` : user.is_restricted ? html`<small>guest</small>` : ''
    }</a>`,
)}
<h3>Apps</h3>
<a class="place${viewer.channel === null ? ' here' : ''}" href="/?as=${viewer.user.id}&channel=${HOME}">${botName(world)}: Home</a>
<h3>Channels</h3>
${mine.map(
  (channel) =>
    html`<a class="place${channel === viewer.channel ? ' here' : ''}" href="/?as=${viewer.user.id}&channel=${channel.id}">${channel.is_im ? '● Holdfast' : `${channel.is_private ? '🔒' : '#'} ${channel.name}`}${
      channel.is_ext_shared ? html`<small>shared</small>` : ''
    }</a>`,
)}`;
}

function placeOf({ channel }: PageViewer): string {
  return channel === null ? HOME : channel.id;
}

function botName({ workspace }: World): string {
  return workspace.users.get(workspace.botUser)?.real_name ?? 'The app';
}

function heading(world: World, { channel }: PageViewer): string {
  return channel === null || channel.is_im ? botName(world) : `# ${channel.name}`;
}

function homeHtml(world: World, user: SlackUser): SafeHtml {
  const blocks = listField(world.views.home(user.id).view, 'blocks');
  return html`<header><b>${botName(world)}</b><span>Home, which only ${user.real_name} sees</span></header>
<div class="messages"><section class="home" data-home="${user.id}">${
    blocks.length === 0
      ? html`<p class="empty">The app has shown nothing here yet.</p>`
      : blocksHtml(blocks, { workspace: world.workspace, errors: {} })
  }</section></div>`;
}

function channelHtml(world: World, user: SlackUser, channel: SlackChannel): SafeHtml {
  const inside = channel.members.includes(user.id);
  const messages = world.messages.all.filter(
    (m) =>
      m.channel === channel.id &&
      m.thread_ts === null &&
      !m.deleted &&
      (m.ephemeralFor === null || m.ephemeralFor === user.id),
  );
  return html`<header><b>${heading(world, { user, channel })}</b><span>${channel.members.length} members</span></header>
<div class="messages">${
    inside
      ? messages.length === 0
        ? html`<p class="empty">Nothing here yet.</p>`
        : messages.map((message) => messageHtml(world, user, message))
      : html`<p class="empty">${user.real_name} is not in this channel.</p>`
  }</div>`;
}

function messageHtml(world: World, viewer: SlackUser, message: SlackMessage): SafeHtml {
  const { workspace } = world;
  const author = workspace.users.get(message.user);
  const at = new Date(Number(message.ts) * 1000);
  const replies = world.messages.all.filter(
    (m) =>
      m.channel === message.channel &&
      m.thread_ts === message.ts &&
      !m.deleted &&
      (m.ephemeralFor === null || m.ephemeralFor === viewer.id),
  );
  const body =
    message.blocks.length > 0
      ? blocksHtml(message.blocks, { workspace, errors: {} })
      : html`<div class="block">${mrkdwnHtml(message.text, workspace)}</div>`;
  return html`<article class="message${message.ephemeralFor ? ' only-you' : ''}" data-ts="${message.ts}" data-message-channel="${message.channel}">
${author ? avatar(world, author) : ''}
<div class="content">
${message.ephemeralFor ? html`<div class="note">Only visible to you</div>` : ''}
<div class="by"><b>${author?.real_name ?? message.user}</b>${author?.is_bot ? html`<span class="app">APP</span>` : ''}<time>${at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}</time>${
    message.versions.length > 1 ? html`<span class="edited">(edited)</span>` : ''
  }</div>
${body}
${
  replies.length > 0
    ? html`<div class="thread"><div class="count">${replies.length} ${replies.length === 1 ? 'reply' : 'replies'}</div>${replies.map((reply) => messageHtml(world, viewer, reply))}</div>`
    : ''
}
</div>
</article>`;
}

/** A coloured square with the first letter; classes, because the page allows no inline styles. */
function avatar(world: World, user: SlackUser): SafeHtml {
  const colour = user.is_bot ? 'bot' : [...world.workspace.users.keys()].indexOf(user.id) % 6;
  return html`<span class="avatar c${colour}" aria-hidden="true">${user.real_name.slice(0, 1)}</span>`;
}

function modalHtml(world: World, viewer: PageViewer): SafeHtml {
  const view: SlackView | undefined = world.views.of(viewer.user.id).at(-1);
  if (view === undefined) return html``;
  const submit = part(view.view, 'submit');
  const close = part(view.view, 'close');
  const trouble = view.errors[''];
  return html`<div class="veil"><section class="modal" role="dialog" aria-modal="true" data-view="${view.id}" data-hash="${view.hash}">
<header><h2>${plainHtml(part(view.view, 'title'))}</h2><button type="button" class="cross" data-close="1" aria-label="Close">×</button></header>
<div class="inner">${trouble === undefined ? '' : html`<div class="trouble">We had some trouble connecting. Try again? <small>${trouble}</small></div>`}
${blocksHtml(listField(view.view, 'blocks'), { workspace: world.workspace, errors: view.errors })}</div>
<footer><button type="button" class="button" data-close="1">${close ? plainHtml(close) : submit ? 'Cancel' : 'Close'}</button>${
    submit ? html`<button type="button" class="button primary" data-submit="1">${plainHtml(submit)}</button>` : ''
  }</footer>
</section></div>`;
}
