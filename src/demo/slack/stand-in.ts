import { Api, type ApiRequest } from './api.ts';
import { Changes } from './changes.ts';
import { type Delivered, Delivery, type Forgery, type Reaction, signatureOf } from './delivery.ts';
import type { Fault } from './faults.ts';
import type { Fields } from './fields.ts';
import { type Click, Gestures, type Submission, type Submitted, type ViewClick } from './gestures.ts';
import { Messages, type SlackMessage } from './messages.ts';
import { OneShots } from './one-shots.ts';
import { Page } from './page.ts';
import type { Disguise } from './payloads.ts';
import { Rates } from './rates.ts';
import { StandInServer } from './server.ts';
import { SocketMode } from './socket-mode.ts';
import { type SlackView, Views } from './views.ts';
import {
  APP_TOKEN,
  BOT_TOKEN,
  putChannel,
  putUser,
  putUserGroup,
  type SlackChannel,
  type SlackUser,
  type SlackUserGroup,
  type Workspace,
  type WorkspaceOptions,
  workspaceOf,
} from './workspace.ts';
import type { World } from './world.ts';

export interface SlackStandInOptions extends WorkspaceOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly signingSecret?: string;
  /** Where clicks are posted while no socket is connected: `http://127.0.0.1:8787/slack/events`. */
  readonly interactivityUrl?: string;
  /** 1, the default, is Slack's rates; 10 is ten times as many calls; false is no limit. */
  readonly rates?: number | false;
  /** Milliseconds since 1970; for lives of triggers, response_urls and rates. */
  readonly now?: () => number;
  /** Milliseconds that Slack waits for an acknowledgement: 3000. */
  readonly ackMs?: number;
}

/** A Slack for tests and the demo: a real HTTP server with the real one's limits. */
export interface SlackStandIn {
  /** `http://127.0.0.1:port`; a person may open it. */
  readonly url: string;
  /** For `SLACK_API_URL`, with its trailing slash. */
  readonly apiUrl: string;
  readonly port: number;
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  readonly workspace: Workspace;

  interactivityUrl: string | null;
  rates: number | false;
  /** True: every call and every socket is cut, nothing is answered. */
  down: boolean;

  /** An existing user, to read or change; throws when there is none. */
  user(id: string): SlackUser;
  channel(id: string): SlackChannel;
  userGroup(id: string): SlackUserGroup;
  addUser(user: Partial<SlackUser> & { id: string }): SlackUser;
  addChannel(channel: Partial<SlackChannel> & { id: string }): SlackChannel;
  addUserGroup(group: Partial<SlackUserGroup> & { id: string }): SlackUserGroup;
  /** The bot token's scopes from now on. */
  setScopes(scopes: readonly string[]): void;

  /** What stands in the channel itself, oldest first. */
  messages(channel: string): SlackMessage[];
  /** Replies in a message's thread, oldest first. */
  replies(channel: string, ts: string): SlackMessage[];
  /** What only this person sees. */
  ephemerals(user: string, channel?: string): SlackMessage[];
  /** Every modal ever opened, oldest first. */
  readonly views: readonly SlackView[];
  /** Open modals of a person, the top one last. */
  openViews(user: string): SlackView[];
  /** Every Web API call, without its token. */
  readonly requests: readonly ApiRequest[];
  /** Every payload sent to the app. */
  readonly deliveries: readonly Delivered[];
  /** How many sockets are connected. */
  readonly connections: number;

  click(click: Click): Promise<Reaction>;
  clickView(click: ViewClick): Promise<Reaction>;
  submitView(submission: Submission): Promise<Submitted>;
  /** Null when the view did not ask to be told. */
  closeView(by: Disguise & { user: string; viewId?: string; clear?: boolean }): Promise<Reaction | null>;
  /** A payload of one's own making, signed and sent as Slack would. */
  send(payload: Fields): Promise<Reaction>;
  /** This very body over HTTP: forged, stale, future-dated, replayed. */
  deliver(rawBody: string, forgery?: Forgery): Promise<Reaction>;
  sign(rawBody: string, timestamp: number | string): string;
  /** A person writes in a channel. */
  say(by: { user: string; channel: string; text: string; thread_ts?: string }): SlackMessage;
  deleteMessage(channel: string, ts: string): void;
  /** Ends a trigger_id in so many ms, at once by default. */
  expireTrigger(id: string, inMs?: number): void;
  /** Asks socket clients to connect anew. */
  refreshSockets(): void;
  /** Cuts every socket without a word. */
  cutSockets(): void;

  /** The next call of this method (`*`: of any) goes wrong this way. */
  failNext(method: string, fault: Fault): void;
  clearFaults(): void;
  /** The first truthy thing `probe` finds, now or after a change; rejects after `ms` (2000). */
  waitFor<T>(probe: () => T | null | undefined | false, ms?: number): Promise<T>;
  close(): Promise<void>;
}

export async function startSlackStandIn(options: SlackStandInOptions = {}): Promise<SlackStandIn> {
  const now = options.now ?? Date.now;
  const secret = options.signingSecret ?? 'stand-in-signing-secret';
  const workspace = workspaceOf(options);
  const changes = new Changes();
  const changed = () => changes.ring();
  const sockets = new SocketMode(workspace.appId, changed);
  const state = { down: false, origin: '' };
  const world: World = {
    workspace,
    messages: new Messages(now),
    views: new Views(),
    oneShots: new OneShots(now),
    now,
    origin: () => state.origin,
    socketUrl: () => `${state.origin.replace('http:', 'ws:')}/link/?${sockets.ticket()}`,
  };
  const rates = new Rates(options.rates ?? 1, now);
  const pauses = new Set<() => void>();
  const api = new Api(world, rates, (ms) => pause(pauses, ms));
  const delivery = new Delivery({
    url: options.interactivityUrl ?? null,
    secret,
    sockets,
    now,
    ackMs: options.ackMs ?? 3000,
  });
  const gestures = new Gestures(world, delivery);
  const server = new StandInServer({
    world,
    api,
    sockets,
    page: new Page(),
    down: () => state.down,
    changed,
  });
  const port = await server.listen(options.port ?? 0);
  state.origin = `http://127.0.0.1:${port}`;

  /** Every gesture may change what is to be seen. */
  const after = async <T>(doing: Promise<T>): Promise<T> => {
    try {
      return await doing;
    } finally {
      changed();
    }
  };

  return {
    url: state.origin,
    apiUrl: `${state.origin}/api/`,
    port,
    botToken: options.botToken ?? BOT_TOKEN,
    appToken: options.appToken ?? APP_TOKEN,
    signingSecret: secret,
    workspace,
    get interactivityUrl() {
      return delivery.url;
    },
    set interactivityUrl(url) {
      delivery.url = url;
    },
    get rates() {
      return rates.scale;
    },
    set rates(scale) {
      rates.scale = scale;
    },
    get down() {
      return state.down;
    },
    set down(down) {
      state.down = down;
      if (down) sockets.cut();
    },
    user: (id) => known(workspace.users, id),
    channel: (id) => known(workspace.channels, id),
    userGroup: (id) => known(workspace.userGroups, id),
    addUser: (user) => putUser(workspace, user),
    addChannel: (channel) => putChannel(workspace, channel),
    addUserGroup: (group) => putUserGroup(workspace, group),
    setScopes: (scopes) => {
      known(workspace.tokens, options.botToken ?? BOT_TOKEN).scopes = [...scopes];
    },
    messages: (channel) => world.messages.inChannel(channel),
    replies: (channel, ts) => world.messages.inThread(channel, ts),
    ephemerals: (user, channel) => world.messages.ephemeral(user, channel),
    views: world.views.all,
    openViews: (user) => world.views.of(user),
    requests: api.requests,
    deliveries: delivery.sent,
    get connections() {
      return sockets.connections;
    },
    click: (click) => after(gestures.click(click)),
    clickView: (click) => after(gestures.clickView(click)),
    submitView: (submission) => after(gestures.submitView(submission)),
    closeView: (by) => after(gestures.closeView(by)),
    send: (payload) => after(delivery.payload(payload)),
    deliver: (rawBody, forgery) => after(delivery.raw(rawBody, forgery)),
    sign: (rawBody, timestamp) => signatureOf(secret, timestamp, rawBody),
    say: (by) => {
      const message = world.messages.post(by, { text: by.text, blocks: [], metadata: null });
      changed();
      return message;
    },
    deleteMessage: (channel, ts) => {
      const message = world.messages.find(channel, ts);
      if (message !== undefined) message.deleted = true;
      changed();
    },
    expireTrigger: (id, inMs) => world.oneShots.expireTrigger(id, inMs),
    refreshSockets: () => sockets.refresh(),
    cutSockets: () => sockets.cut(),
    failNext: (method, fault) => api.faults.add(method, fault),
    clearFaults: () => api.faults.clear(),
    waitFor: (probe, ms = 2000) => changes.waitFor(probe, ms),
    close: async () => {
      changes.close();
      for (const end of pauses) end();
      delivery.close();
      await sockets.close();
      await server.close();
    },
  };
}

function known<T>(of: Map<string, T>, id: string): T {
  const found = of.get(id);
  if (found === undefined) throw new Error(`The stand-in knows no ${id}.`);
  return found;
}

function pause(pauses: Set<() => void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      pauses.delete(end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    pauses.add(end);
  });
}
