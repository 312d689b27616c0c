import { App, SocketModeReceiver } from '@slack/bolt';
import { Hono } from 'hono';
import { CARD_ACTIONS, DECISION_VIEWS } from './card/button.ts';
import { type Ack, type ClickDeps, type Clicks, takeClicks } from './click/take-clicks.ts';
import type { SlackApi } from './wire/api.ts';
import { slackClient } from './wire/client.ts';
import { slackLogger } from './wire/logger.ts';
import { type SlackReceiver, slackReceiver } from './wire/receiver.ts';
import { keepConnected } from './wire/socket.ts';

/** What the approvers' door is made of. `main/` gives it. */
export interface SlackDeps extends Omit<ClickDeps, 'api'> {
  readonly botToken: string;
  /** Verifies clicks over HTTP; required without an `appToken`. */
  readonly signingSecret: string;
  /** Socket Mode: we call Slack, Slack does not call us. */
  readonly appToken?: string | undefined;
  /** Told how each opening of Socket Mode went: Slack's refusal, or null when it is open. */
  readonly onSocketAttempt?: ((code: string | null) => void) | undefined;
  /** A stand-in's address, with its trailing slash. */
  readonly apiUrl?: string | undefined;
  /** Shared with the cards; made from the token when absent. */
  readonly api?: SlackApi | undefined;
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
  const api = deps.api ?? slackClient({ token: deps.botToken, apiUrl: deps.apiUrl, log: deps.log });
  const clicks = takeClicks({ ...deps, api });
  const line = deps.appToken ? socketLine(deps, deps.appToken, clicks.take) : httpLine(deps, clicks.take);
  return {
    app: line.app,
    start: () => line.start(),
    async stop() {
      // A click under way still needs the socket for its ack.
      await clicks.settled();
      await line.stop();
      await clicks.settled();
    },
  };
}

function httpLine(deps: SlackDeps, take: Clicks['take']): SlackDoor {
  const receiver = slackReceiver(deps);
  const bolt = boltApp(deps, take, { receiver });
  return {
    app: new Hono().post(PATH, (c) => handle(receiver, c.req.raw)),
    start: () => bolt.init(),
    async stop() {},
  };
}

const handle = (receiver: SlackReceiver, request: Request): Promise<Response> => receiver.handle(request);

function socketLine(deps: SlackDeps, appToken: string, take: Clicks['take']): SlackDoor {
  const slackApiUrl = deps.apiUrl === undefined ? {} : { slackApiUrl: deps.apiUrl };
  const receiver = new SocketModeReceiver({
    appToken,
    autoReconnectEnabled: false,
    logger: slackLogger(deps.log),
    installerOptions: { clientOptions: { ...slackApiUrl, retryConfig: { retries: 0 }, timeout: 5000 } },
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

/** Bolt without what it does by itself: no token check per click, no memory of conversations, no retries, no calls. */
function boltApp(deps: SlackDeps, take: Clicks['take'], line: BoltSettings): App {
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
  app.action(oneOf(CARD_ACTIONS), ({ body, ack }) => take(body, ack as Ack));
  app.view(oneOf(DECISION_VIEWS), ({ body, ack }) => take(body, ack as Ack));
  // The receiver answers 500 and logs; in Socket Mode the missing ack tells the person.
  app.error(async (error) => {
    throw error;
  });
  return app;
}

const oneOf = (names: readonly string[]): RegExp => new RegExp(`^(?:${names.join('|')})$`);
