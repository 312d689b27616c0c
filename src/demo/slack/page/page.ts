import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gestures } from '../interactivity/gestures.ts';
import type { Changes } from '../state/changes.ts';
import type { InputValues } from '../state/inputs.ts';
import type { World } from '../state/world.ts';
import { type Fields, isFields, parsedJson, textField } from '../wire/fields.ts';
import { bodyOf } from '../wire/request-body.ts';
import { HOME, type PageViewer, pageHtml, partsOf } from './layout.ts';

/**
 * The page on which people see cards and click. A gesture is a POST of JSON from the page's own origin, and only requests
 * to a loopback address are answered, so that no other site can click in somebody's browser.
 */
export class StandInPage {
  readonly #world: World;
  readonly #gestures: Gestures;
  readonly #changes: Changes;

  constructor(world: World, gestures: Gestures, changes: Changes) {
    this.#world = world;
    this.#gestures = gestures;
    this.#changes = changes;
  }

  async answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (!isLoopback(request.headers.host)) return plainText(response, 403, 'Open this page by its loopback address.');
    if (request.method === 'POST') return this.#gesture(request, response, url);
    if (request.method !== 'GET') return plainText(response, 405, 'GET or POST.');
    const permalink = /^\/archives\/([A-Z0-9]+)\/p\d+$/.exec(url.pathname);
    if (permalink) {
      response.writeHead(302, { location: `/?channel=${permalink[1]}` }).end();
      return;
    }
    switch (url.pathname) {
      case '/':
        return this.#page(response, url);
      case '/page/parts':
        return json(response, 200, partsOf(this.#world, this.#viewer(url)));
      case '/page/changes':
        return this.#stream(request, response);
      default:
        return plainText(response, 404, 'Not here.');
    }
  }

  #page(response: ServerResponse, url: URL): void {
    const nonce = randomBytes(12).toString('base64');
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    response.end(pageHtml(this.#world, this.#viewer(url), nonce));
  }

  /** Who looks at the page, and at what; the first person and the first channel by default. */
  #viewer(url: URL): PageViewer {
    const { users, channels } = this.#world.workspace;
    const user = users.get(url.searchParams.get('as') ?? '') ?? [...users.values()].find((u) => !u.is_bot);
    const wanted = url.searchParams.get('channel') ?? '';
    const channel = wanted === HOME ? null : (channels.get(wanted) ?? [...channels.values()][0]);
    if (user === undefined || channel === undefined) throw new Error('The stand-in has no people or no channels.');
    return { user, channel };
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 1000\n\n');
    const stop = this.#changes.listen(() => response.write('data: changed\n\n'));
    request.on('close', stop);
  }

  async #gesture(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    if (request.headers.origin !== `http://${request.headers.host}`)
      return plainText(response, 403, 'From this page only.');
    if (!(request.headers['content-type'] ?? '').startsWith('application/json'))
      return plainText(response, 415, 'JSON only.');
    const gesture = parsedJson((await bodyOf(request)) ?? '');
    if (!isFields(gesture)) return plainText(response, 400, 'JSON only.');
    try {
      json(response, 200, { trouble: await this.#perform(url.pathname, gesture) });
    } catch (error) {
      json(response, 200, { trouble: error instanceof Error ? error.message : String(error) });
    } finally {
      this.#changes.notify();
    }
  }

  /** Performs a gesture. Returns what went wrong, in words, or null. */
  async #perform(path: string, gesture: Fields): Promise<string | null> {
    const field = (name: string) => textField(gesture, name) ?? '';
    const by = {
      user: field('user'),
      viewId: field('viewId'),
      actionId: field('actionId'),
      ...(field('blockId') === '' ? {} : { blockId: field('blockId') }),
      values: valuesOf(gesture.values),
    };
    switch (path) {
      case '/page/click':
        return complaint(
          await this.#gestures.click({
            ...by,
            channel: field('channel'),
            ts: field('ts'),
            ...(typeof gesture.value === 'string' ? { value: gesture.value } : {}),
          }),
        );
      case '/page/home':
        return complaint(await this.#gestures.openHome(by));
      case '/page/home-click':
        return complaint(await this.#gestures.clickHome(by));
      case '/page/view-click':
        return complaint(await this.#gestures.clickView(by));
      case '/page/submit': {
        const submitted = await this.#gestures.submitView(by);
        return submitted.handled === 'incomplete' ? null : complaint(submitted);
      }
      case '/page/close': {
        const reaction = await this.#gestures.closeView(by);
        return reaction === null ? null : complaint(reaction);
      }
      default:
        return `no gesture ${path}`;
    }
  }
}

function complaint(reaction: { status: number; body: string }): string | null {
  if (reaction.status === 200) return null;
  return reaction.status === 0
    ? `The app did not answer: ${reaction.body || 'no acknowledgement within 3 seconds'}`
    : `The app responded with status code ${reaction.status}.`;
}

/** Two levels of strings, or nothing. */
function valuesOf(given: unknown): InputValues {
  if (!isFields(given)) return {};
  const blocks = Object.entries(given).filter((entry): entry is [string, Fields] => isFields(entry[1]));
  return Object.fromEntries(
    blocks.map(([block, actions]) => [
      block,
      Object.fromEntries(
        Object.entries(actions).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      ),
    ]),
  );
}

function isLoopback(host: string | undefined): boolean {
  return /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host ?? '');
}

function plainText(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(words);
}

function json(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    .end(JSON.stringify(body));
}
