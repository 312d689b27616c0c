import { html } from 'hono/html';
import { judgeAccess } from '../../domain/people/access.ts';
import type { Role } from '../../domain/people/role.ts';
import type { Html } from './html.ts';
import { count } from './time.ts';

const SECTIONS = [
  ['/', 'Approvals'],
  ['/mine', 'My agents'],
  ['/activity', 'Activity'],
  ['/audit', 'Audit'],
  ['/overview', 'Overview'],
  ['/policies', 'Policies'],
  ['/grants', 'Grants'],
  ['/allowances', 'Allowances'],
  ['/freezes', 'Freezes'],
  ['/people', 'People'],
  ['/tokens', 'Tokens'],
  ['/passkeys', 'Passkeys'],
] as const;
/** A section of the console, by its path. */
export type ConsoleSection = (typeof SECTIONS)[number][0];

/** Of a person, so not of the admin token. */
const ONES_OWN: ReadonlySet<ConsoleSection> = new Set(['/mine', '/tokens']);

export interface PageContent {
  readonly title: string;
  /** The section that the navigation marks as current; null: none. */
  readonly section: ConsoleSection | null;
  readonly body: Html;
  /** The name of the signed-in reviewer. */
  readonly reviewer: string;
  /** Number of pending approvals, for the navigation. */
  readonly waiting?: number;
  /** Above the page: what is frozen; absent: nothing. */
  readonly banner?: Html;
  /** A second link at the top for keyboards; absent: none. */
  readonly skip?: Html;
  /** What the reviewer may do; null or absent: the admin token, which has no tokens of its own. */
  readonly roles?: ReadonlySet<Role> | null;
}

/** A whole page for a signed-in reviewer. */
export function consolePage({ title, section, body, reviewer, waiting = 0, banner, skip, roles }: PageContent): Html {
  const opened = SECTIONS.filter(([path]) => (roles ? judgeAccess(roles, 'GET', path).may : !ONES_OWN.has(path)));
  const links = opened.map(
    ([path, label]) => html`<li>
      <a href="${path}" ${path === section ? html`aria-current="page"` : ''}>${label}${
        path === '/'
          ? html`<span class="count ${waiting === 0 ? 'none' : ''}" id="waiting" data-key="waiting" data-rev="${waiting}"
              >${count(waiting)}<span class="unseen"> waiting</span></span>`
          : ''
      }</a>
    </li>`,
  );
  return html`${frame(
    title,
    html`<a class="skip" href="#main">Skip to content</a>${skip ?? ''}
      <header class="bar">
        <a class="brand" href="/">${logo()}Holdfast</a>
        <nav aria-label="Console"><ul>${links}</ul></nav>
        <div class="who">
          ${themeButton()}
          <form method="post" action="/logout">
            <span class="reviewer">${reviewer}</span>
            <button class="quiet" type="submit">Sign out</button>
          </form>
        </div>
      </header>
      ${banner ?? ''}
      <main id="main" tabindex="-1">${body}</main>
      <p id="announcement" role="status" aria-live="polite"></p>
      <noscript><p class="notice">Deciding and live views need JavaScript. Reading does not.</p></noscript>`,
    html``,
    waiting,
  )}`;
}

/** A page without navigation: to sign in, or when something is wrong. `head`: more elements for the page's head. */
export function frontPage(title: string, body: Html, head: Html = html``): Html {
  return frame(
    title,
    html`<div class="front">
      <header class="front-bar"><span class="brand">${logo()}Holdfast</span>${themeButton()}</header>
      <main id="main">${body}</main>
    </div>`,
    head,
  );
}

/** Shows whether the page's live stream is connected; `live.js` keeps it current. */
export function liveIndicator(): Html {
  return html`<span class="live" data-live-mark><span class="dot" aria-hidden="true"></span><span>connecting</span></span>`;
}

/**
 * Where what is new gathers, so that nothing moves under a pointer or a focus; `hold.js` fills it. It has its height also
 * while it is empty. `one`: on the page of one approval.
 */
export function newsLine(about: 'one' | 'many'): Html {
  return html`<div class="news" data-news="${about}"><p role="status" data-news-text data-idle="${NO_NEWS[about]}">${NO_NEWS[about]}</p><button type="button" class="main small" hidden>Show</button></div>`;
}

const NO_NEWS = {
  one: 'Up to date.',
  many: 'Up to date. New calls are announced here.',
} as const;

function themeButton(): Html {
  return html`<button class="quiet" type="button" data-theme-switch><span aria-hidden="true">◐</span> Auto<span class="unseen"> colours</span></button>`;
}

function frame(title: string, body: Html, head: Html = html``, waiting = 0): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${waiting > 0 ? `(${waiting}) ` : ''}${title} · Holdfast</title>
<link rel="icon" href="/console/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/console/style.css">
<script src="/console/theme.js"></script>
<script type="module" src="/console/app.js"></script>
${head}
</head>
<body>${body}</body>
</html>`;
}

/** A padlock with a tick. */
function logo(): Html {
  return html`<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 11V7a5 5 0 0 1 10 0v4" /><rect x="4" y="11" width="16" height="10" rx="2.5" /><path d="M9 16.2l2.1 2.1 4-4.2" /></svg>`;
}
