import { App, SocketModeReceiver } from '@slack/bolt';
import { Hono } from 'hono';
import type { Dispatcher } from 'undici';
import { BATCH_VIEWS, CARD_ACTIONS, DECISION_VIEWS } from './card/button.ts';
import { type Ack, type ClickDeps, type Clicks, takeClicks } from './click/take-clicks.ts';
import type { AppHomes } from './home/app-homes.ts';
import { firstOf, homeTaker } from './home/take-home.ts';
import { STOP_SHORTCUTS, STOP_VIEW } from './stop/stop-view.ts';
import { type OperatorTerms, stopTaker } from './stop/take-stop.ts';
import type { SlackApi } from './wire/api.ts';
import { slackClient } from './wire/client.ts';
import { slackLogger } from './wire/logger.ts';
import { slackReceiver } from './wire/receiver.ts';
import { keepConnected } from './wire/socket.ts';

/** What the approvers' door needs; `main/` provides it. */
export interface SlackDeps extends Omit<ClickDeps, 'api' | 'takeOther'> {
  /** Absent: nobody freezes or thaws in Slack. */
  readonly operator?: OperatorTerms | undefined;
  /** Absent: nobody has a Home. */
  readonly appHomes?: AppHomes | undefined;
  readonly botToken: string;
  /** Verifies clicks over HTTP; required without an `appToken`. */
  readonly signingSecret: string;
  /** For Socket Mode, in which we connect to Slack and it never connects to us. */
  readonly appToken?: string | undefined;
  /** Told how each attempt to open Socket Mode ended: Slack's error code, or null if it is open. */
  readonly onSocketAttempt?: ((code: string | null) => void) | undefined;
  /** A stand-in's address, with its trailing slash. */
  readonly apiUrl?: string | undefined;
  /** How Socket Mode connects; absent: without a proxy. */
  readonly dispatcher?: Dispatcher | undefined;
  /** Shared with the cards; made from the token if absent. */
  readonly api?: SlackApi | undefined;
}

export interface SlackDoor {
  /** `POST /slack/events`. */
  readonly app: Hono;
  /** Connects, in Socket Mode. Resolves when clicks can arrive, or after 10 s while the attempts continue. */
  start(): Promise<void>;
  /** Resolves when every click that was taken is done. */
  stop(): Promise<void>;
}

const PATH = '/slack/events';
const CONNECT_MS = 10_000;

/** The door with Slack's own Bolt: over HTTP with our own receiver, or over Socket Mode if there is an app token. */
export function slackDoor(deps: SlackDeps): SlackDoor {
  const api = deps.api ?? slackClient({ token: deps.botToken, apiUrl: deps.apiUrl, log: deps.log });
  const clicks = takeClicks({ ...deps, api, takeOther: firstOf(homeTaker(deps.appHomes), stopTaker(deps.operator)) });
  const transport = deps.appToken ? overSocketMode(deps, deps.appToken, clicks.take) : overHttp(deps, clicks.take);
  return {
    app: transport.app,
    start: () => transport.start(),
    async stop() {
      // A click under way still needs the socket for its ack.
      deps.appHomes?.close();
      await clicks.settled();
      await transport.stop();
      await clicks.settled();
    },
  };
}

function overHttp(deps: SlackDeps, take: Clicks['take']): SlackDoor {
  const receiver = slackReceiver(deps);
  const bolt = boltApp(deps, take, { receiver });
  return {
    app: new Hono().post(PATH, (c) => receiver.handle(c.req.raw)),
    start: () => bolt.init(),
    async stop() {},
  };
}

function overSocketMode(deps: SlackDeps, appToken: string, take: Clicks['take']): SlackDoor {
  const slackApiUrl = deps.apiUrl === undefined ? {} : { slackApiUrl: deps.apiUrl };
  const receiver = new SocketModeReceiver({
    appToken,
    autoReconnectEnabled: false,
    logger: slackLogger(deps.log),
    installerOptions: { clientOptions: { ...slackApiUrl, retryConfig: { retries: 0 }, timeout: 5000, fetch } },
    ...(deps.dispatcher === undefined ? {} : { dispatcher: deps.dispatcher }),
  });
  const bolt = boltApp(deps, take, { socketMode: true, receiver });
  const connection = keepConnected(receiver.client, deps.log, deps.onSocketAttempt);
  return {
    app: new Hono().post(PATH, (c) => c.text('Slack is connected over Socket Mode\n', 404)),
    async start() {
      await bolt.init();
      await connection.start(CONNECT_MS);
    },
    stop: () => connection.stop(),
  };
}

type BoltSettings = ConstructorParameters<typeof App>[0];

/** Bolt without its extras: no token check per click, no memory of conversations, no retries, no calls of its own. */
function boltApp(deps: SlackDeps, take: Clicks['take'], transport: BoltSettings): App {
  const app = new App({
    ...transport,
    // Our own client calls Slack, so Bolt needs no token.
    authorize: async () => ({}),
    deferInitialization: true,
    convoStore: false,
    ignoreSelf: false,
    attachFunctionToken: false,
    logger: slackLogger(deps.log),
  });
  app.action(anyOf(CARD_ACTIONS), ({ body, ack }) => take(body, ack as Ack));
  // Bolt acknowledges events by itself.
  app.event('app_home_opened', ({ body }) => take(body, async () => undefined));
  app.shortcut(anyOf(STOP_SHORTCUTS), ({ body, ack }) => take(body, ack as Ack));
  app.view(anyOf([...BATCH_VIEWS, ...DECISION_VIEWS, STOP_VIEW]), ({ body, ack }) => take(body, ack as Ack));
  // Over HTTP, the receiver logs it and answers 500; in Socket Mode, the missing ack tells the person.
  app.error(async (error) => {
    throw error;
  });
  return app;
}

const anyOf = (names: readonly string[]): RegExp => new RegExp(`^(?:${names.join('|')})$`);
