import { pause } from '../../time/pause.ts';
import { type Forgery, PayloadDelivery, slackSignature } from './interactivity/delivery.ts';
import {
  type ClickGesture,
  Gestures,
  type ShortcutGesture,
  type SubmissionGesture,
  type ViewClickGesture,
} from './interactivity/gestures.ts';
import type { Disguise } from './interactivity/payloads.ts';
import { SocketMode } from './interactivity/socket-mode.ts';
import { StandInPage } from './page/page.ts';
import { StandInServer } from './server.ts';
import { Changes } from './state/changes.ts';
import { type MessageContent, Messages, type OtherApp } from './state/messages.ts';
import { OneShots } from './state/one-shots.ts';
import { Views } from './state/views.ts';
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
  workspaceOf,
} from './state/workspace.ts';
import type { World } from './state/world.ts';
import type { SlackStandIn, SlackStandInOptions } from './surface.ts';
import { WebApi } from './web-api/api.ts';
import type { InjectedFault } from './web-api/injected-faults.ts';
import { Rates } from './web-api/rates.ts';
import type { Fields } from './wire/fields.ts';

export type { Reaction } from './interactivity/delivery.ts';
export type { SlackStandIn, SlackStandInOptions } from './surface.ts';

/** Starts a stand-in for Slack on 127.0.0.1. Rejects if the port is taken. */
export async function startSlackStandIn(options: SlackStandInOptions = {}): Promise<SlackStandIn> {
  const standIn = new StandIn(options);
  await standIn.listen(options.port ?? 0);
  return standIn;
}

class StandIn implements SlackStandIn {
  readonly botToken: string;
  readonly appToken: string;
  readonly signingSecret: string;
  readonly workspace: Workspace;
  port = 0;
  #down = false;
  readonly #changes = new Changes();
  readonly #closing = new AbortController();
  readonly #world: World;
  readonly #rates: Rates;
  readonly #api: WebApi;
  readonly #sockets: SocketMode;
  readonly #delivery: PayloadDelivery;
  readonly #gestures: Gestures;
  readonly #server: StandInServer;

  constructor(options: SlackStandInOptions) {
    const now = options.now ?? Date.now;
    const changed = () => this.#changes.notify();
    this.botToken = options.botToken ?? BOT_TOKEN;
    this.appToken = options.appToken ?? APP_TOKEN;
    this.signingSecret = options.signingSecret ?? 'stand-in-signing-secret';
    this.workspace = workspaceOf(options);
    this.#sockets = new SocketMode(this.workspace.appId, changed);
    this.#world = {
      workspace: this.workspace,
      messages: new Messages(now),
      views: new Views(),
      oneShots: new OneShots(now),
      now,
      origin: () => this.url,
      socketUrl: () => `${this.url.replace('http:', 'ws:')}/link/?${this.#sockets.ticket()}`,
    };
    this.#rates = new Rates(options.rates ?? 1, now);
    this.#api = new WebApi(this.#world, this.#rates, (ms) => pause(ms, this.#closing.signal));
    this.#delivery = new PayloadDelivery({
      url: options.interactivityUrl ?? null,
      secret: this.signingSecret,
      sockets: this.#sockets,
      now,
      ackMs: options.ackMs ?? 3000,
    });
    this.#gestures = new Gestures(this.#world, this.#delivery);
    this.#server = new StandInServer({
      world: this.#world,
      api: this.#api,
      sockets: this.#sockets,
      page: new StandInPage(this.#world, this.#gestures, this.#changes),
      down: () => this.#down,
      changed,
    });
  }

  async listen(port: number): Promise<void> {
    this.port = await this.#server.listen(port);
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }
  get apiUrl() {
    return `${this.url}/api/`;
  }
  get interactivityUrl() {
    return this.#delivery.url;
  }
  set interactivityUrl(url: string | null) {
    this.#delivery.url = url;
  }
  get rates() {
    return this.#rates.scale;
  }
  set rates(scale: number | false) {
    this.#rates.scale = scale;
  }
  get down() {
    return this.#down;
  }
  set down(down: boolean) {
    this.#down = down;
    if (down) this.#sockets.cut();
  }

  user = (id: string) => known(this.workspace.users, id);
  channel = (id: string) => known(this.workspace.channels, id);
  userGroup = (id: string) => known(this.workspace.userGroups, id);
  addUser = (user: Partial<SlackUser> & { id: string }) => putUser(this.workspace, user);
  addChannel = (channel: Partial<SlackChannel> & { id: string }) => putChannel(this.workspace, channel);
  addUserGroup = (group: Partial<SlackUserGroup> & { id: string }) => putUserGroup(this.workspace, group);
  setScopes(scopes: readonly string[]): void {
    known(this.workspace.tokens, this.botToken).scopes = [...scopes];
  }

  messages = (channel: string) => this.#world.messages.inChannel(channel);
  replies = (channel: string, ts: string) => this.#world.messages.inThread(channel, ts);
  ephemerals = (user: string, channel?: string) => this.#world.messages.ephemeral(user, channel);
  openViews = (user: string) => this.#world.views.of(user);
  get views() {
    return this.#world.views.all;
  }
  get requests() {
    return this.#api.requests;
  }
  get deliveries() {
    return this.#delivery.sent;
  }
  get connections() {
    return this.#sockets.connections;
  }

  click = (click: ClickGesture) => this.#notifyAfter(() => this.#gestures.click(click));
  payloadOf = (click: ClickGesture) => this.#gestures.payloadOf(click);
  shortcut = (by: ShortcutGesture) => this.#notifyAfter(() => this.#gestures.shortcut(by));
  clickView = (click: ViewClickGesture) => this.#notifyAfter(() => this.#gestures.clickView(click));
  openHome = (by: Disguise & { user: string }) => this.#notifyAfter(() => this.#gestures.openHome(by));
  clickHome = (click: ViewClickGesture) => this.#notifyAfter(() => this.#gestures.clickHome(click));
  home = (user: string) => this.#world.views.home(user);
  submitView = (submission: SubmissionGesture) => this.#notifyAfter(() => this.#gestures.submitView(submission));
  closeView = (by: Disguise & { user: string; viewId?: string; clear?: boolean }) =>
    this.#notifyAfter(() => this.#gestures.closeView(by));
  send = (payload: Fields) => this.#notifyAfter(() => this.#delivery.payload(payload));
  deliver = (rawBody: string, forgery?: Forgery) => this.#notifyAfter(() => this.#delivery.raw(rawBody, forgery));
  sign = (rawBody: string, timestamp: number | string) => slackSignature(this.signingSecret, timestamp, rawBody);

  say(by: { user: string; channel: string; text: string; thread_ts?: string }) {
    const message = this.#world.messages.post(by, { text: by.text, blocks: [], metadata: null });
    this.#changes.notify();
    return message;
  }

  postAs({ user, app, channel, ...content }: { user: string; app: OtherApp; channel: string } & MessageContent) {
    const message = this.#world.messages.post({ user, app, channel }, content);
    this.#changes.notify();
    return message;
  }

  deleteMessage(channel: string, ts: string): void {
    const message = this.#world.messages.find(channel, ts);
    if (message !== undefined) message.deleted = true;
    this.#changes.notify();
  }

  expireTrigger = (id: string, inMs = 0) => this.#world.oneShots.expireTrigger(id, inMs);
  refreshSockets = () => this.#sockets.refresh();
  cutSockets = () => this.#sockets.cut();
  failNext = (method: string, fault: InjectedFault) => this.#api.faults.add(method, fault);
  clearFaults = () => this.#api.faults.clear();
  waitFor = <T>(probe: () => T | null | undefined | false, ms = 2000) => this.#changes.waitFor(probe, ms);

  async close(): Promise<void> {
    this.#changes.close();
    this.#closing.abort();
    this.#delivery.close();
    await this.#sockets.close();
    await this.#server.close();
  }

  /** What people do may change what others see. */
  async #notifyAfter<T>(gesture: () => Promise<T>): Promise<T> {
    try {
      return await gesture();
    } finally {
      this.#changes.notify();
    }
  }
}

function known<T>(of: Map<string, T>, id: string): T {
  const found = of.get(id);
  if (found === undefined) throw new Error(`The stand-in knows no ${id}.`);
  return found;
}
