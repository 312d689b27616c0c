import { App, SocketModeReceiver } from '@slack/bolt';
import { Hono } from 'hono';
import type { SlackApi } from './api.ts';
import { ACTIONS, VIEWS } from './button.ts';
import { slackClient } from './client.ts';
import { follow } from './follow.ts';
import { type InteractionTerms, interact } from './interaction.ts';
import { slackLogger } from './logger.ts';
import { readInteraction } from './payload.ts';
import { People } from './people.ts';
import { type SlackReceiver, slackReceiver } from './receiver.ts';
import type { Routing } from './routing.ts';
import { keepConnected } from './socket.ts';

/** What the approvers' door is made of. `main/` gives it; the functions are the gateway's use cases. */
export interface SlackDeps extends Routing, Omit<InteractionTerms, 'people' | 'app' | 'routing'> {
  readonly botToken: string;
  /** Verifies clicks over HTTP; required without an `appToken`. */
  readonly signingSecret: string;
  /** Socket Mode: we call Slack, Slack does not call us. */
  readonly appToken?: string | undefined;
  /** A stand-in's address, with its trailing slash. */
  readonly apiUrl?: string | undefined;
  /** The workspace (T…) and organisation (E…); asked of Slack when absent. */
  readonly team?: string | undefined;
  readonly enterprise?: string | undefined;
  /** The app's id (A…): clicks on another app's buttons are refused. */
  readonly appId?: string | undefined;
  /** Shared with the cards, so that both rest on the same facts; made here when absent. */
  readonly api?: SlackApi | undefined;
  readonly people?: People | undefined;
}

export interface SlackDoor {
  /** `POST /slack/events`. */
  readonly app: Hono;
  /** Connects where Slack has to be called. Resolves when clicks can come, or after 10 s with the attempt going on. */
  start(): Promise<void>;
  /** Resolves when the clicks under way are done. */
  stop(): Promise<void>;
}

const PATH = '/slack/events';
const CONNECT_MS = 10_000;

/** Slack's door: the real Bolt, over HTTP on our own receiver, or over Socket Mode when there is an app token. */
export function slackDoor(deps: SlackDeps): SlackDoor {
  const { clock, log, botToken, apiUrl, team, enterprise } = deps;
  const api = deps.api ?? slackClient({ token: botToken, apiUrl, log });
  const people = deps.people ?? new People({ api, clock, team, enterprise });
  const terms: InteractionTerms = { ...deps, people, routing: deps, app: deps.appId ?? null };
  const underWay = new Set<Promise<void>>();

  const take: Take = async (body, ack) => {
    const interaction = readInteraction(body);
    if (interaction === null) return;
    const handled = await interact(terms, interaction);
    // The decision is durable by now: after the ack Slack forgets the click.
    await ack(handled.ack ?? undefined);
    if (handled.next === null) return;
    const rest = follow(api, log, interaction, handled.next).finally(() => underWay.delete(rest));
    underWay.add(rest);
    await rest;
  };

  const line = deps.appToken ? socketLine(deps, deps.appToken, take) : httpLine(deps, take);
  return {
    app: line.app,
    start: () => line.start(),
    async stop() {
      await line.stop();
      await Promise.allSettled(underWay);
    },
  };
}

type Take = (body: unknown, ack: (answer?: unknown) => Promise<void>) => Promise<void>;

function httpLine(deps: SlackDeps, take: Take): SlackDoor {
  const receiver = slackReceiver(deps);
  const bolt = boltApp(deps, take, { receiver });
  return {
    app: new Hono().post(PATH, (c) => handle(receiver, c.req.raw)),
    start: () => bolt.init(),
    async stop() {},
  };
}

const handle = (receiver: SlackReceiver, request: Request): Promise<Response> => receiver.handle(request);

function socketLine(deps: SlackDeps, appToken: string, take: Take): SlackDoor {
  const slackApiUrl = deps.apiUrl === undefined ? {} : { slackApiUrl: deps.apiUrl };
  const receiver = new SocketModeReceiver({
    appToken,
    autoReconnectEnabled: false,
    logger: slackLogger(deps.log),
    installerOptions: { clientOptions: { ...slackApiUrl, retryConfig: { retries: 0 }, timeout: 5000 } },
  });
  const bolt = boltApp(deps, take, { socketMode: true, receiver });
  const connection = keepConnected(receiver.client, deps.log);
  return {
    app: new Hono().post(PATH, (c) => c.text('Slack is connected over Socket Mode\n', 404)),
    async start() {
      await bolt.init();
      await connection.start(CONNECT_MS);
    },
    stop: () => connection.stop(),
  };
}

type Line = ConstructorParameters<typeof App>[0];

/** Bolt without what it does by itself: no token check per click, no memory of conversations, no retries, no calls. */
function boltApp(deps: SlackDeps, take: Take, line: Line): App {
  const app = new App({
    ...line,
    // Our own client speaks to Slack; Bolt needs no token of its own.
    authorize: async () => ({}),
    deferInitialization: true,
    convoStore: false,
    ignoreSelf: false,
    attachFunctionToken: false,
    logger: slackLogger(deps.log),
  });
  app.action(oneOf(ACTIONS), ({ body, ack }) => take(body, ack as (answer?: unknown) => Promise<void>));
  app.view(oneOf(VIEWS), ({ body, ack }) => take(body, ack as (answer?: unknown) => Promise<void>));
  // The receiver answers 500 and logs; in Socket Mode the missing ack tells the person.
  app.error(async (error) => {
    throw error;
  });
  return app;
}

const oneOf = (names: readonly string[]): RegExp => new RegExp(`^(?:${names.join('|')})$`);
