import type { DeliveredPayload, Forgery, Reaction } from './interactivity/delivery.ts';
import type {
  ClickGesture,
  ShortcutGesture,
  SubmissionGesture,
  Submitted,
  ViewClickGesture,
} from './interactivity/gestures.ts';
import type { Disguise } from './interactivity/payloads.ts';
import type { MessageContent, OtherApp, SlackMessage } from './state/messages.ts';
import type { SlackView } from './state/views.ts';
import type { SlackChannel, SlackUser, SlackUserGroup, Workspace, WorkspaceOptions } from './state/workspace.ts';
import type { ApiRequest } from './web-api/api.ts';
import type { InjectedFault } from './web-api/injected-faults.ts';
import type { Fields } from './wire/fields.ts';

export interface SlackStandInOptions extends WorkspaceOptions {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  readonly signingSecret?: string;
  /** Where clicks are posted while no socket is connected, for example `http://127.0.0.1:8787/slack/events`. */
  readonly interactivityUrl?: string;
  /** 1, the default, for Slack's rates; 10 for ten times as many calls; false for no limit. */
  readonly rates?: number | false;
  /** The clock for triggers, response_urls and rates, in milliseconds since 1970. */
  readonly now?: () => number;
  /** Milliseconds that Slack waits for an acknowledgement; 3000 by default. */
  readonly ackMs?: number;
}

/** A stand-in for Slack, for tests and the demo: a real HTTP server with the real one's limits. */
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
  /** If true, every call and every socket is cut, and nothing is answered. */
  down: boolean;

  /** An existing user, to read or change; throws if there is none. */
  user(id: string): SlackUser;
  channel(id: string): SlackChannel;
  userGroup(id: string): SlackUserGroup;
  addUser(user: Partial<SlackUser> & { id: string }): SlackUser;
  addChannel(channel: Partial<SlackChannel> & { id: string }): SlackChannel;
  addUserGroup(group: Partial<SlackUserGroup> & { id: string }): SlackUserGroup;
  /** The bot token's scopes from now on. */
  setScopes(scopes: readonly string[]): void;

  /** The messages of the channel itself, oldest first. */
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
  readonly deliveries: readonly DeliveredPayload[];
  /** How many sockets are connected. */
  readonly connections: number;

  click(click: ClickGesture): Promise<Reaction>;
  /** Uses a shortcut of the app, on a message or from anywhere. */
  shortcut(by: ShortcutGesture): Promise<Reaction>;
  /** The payload that `click` would send, for tests that send it in another way. */
  payloadOf(click: ClickGesture): Fields;
  clickView(click: ViewClickGesture): Promise<Reaction>;
  /** A person opens the app's Home. */
  openHome(by: Disguise & { user: string }): Promise<Reaction>;
  /** Clicks a button of the person's Home; `value`: a part of the one that is meant. */
  clickHome(click: ViewClickGesture): Promise<Reaction>;
  /** What the app has published for this person. */
  home(user: string): SlackView;
  submitView(submission: SubmissionGesture): Promise<Submitted>;
  /** Null if the view did not ask to be told. */
  closeView(by: Disguise & { user: string; viewId?: string; clear?: boolean }): Promise<Reaction | null>;
  /** Any payload, signed and sent as Slack would. */
  send(payload: Fields): Promise<Reaction>;
  /** This exact body over HTTP: forged, stale, future-dated, replayed. */
  deliver(rawBody: string, forgery?: Forgery): Promise<Reaction>;
  sign(rawBody: string, timestamp: number | string): string;
  /** Another app of the workspace posts in a channel, whatever it likes. */
  postAs(by: { user: string; app: OtherApp; channel: string } & MessageContent): SlackMessage;
  /** A person writes in a channel. */
  say(by: { user: string; channel: string; text: string; thread_ts?: string }): SlackMessage;
  deleteMessage(channel: string, ts: string): void;
  /** Ends a trigger_id after so many ms, at once by default. */
  expireTrigger(id: string, inMs?: number): void;
  /** Asks socket clients to connect again. */
  refreshSockets(): void;
  /** Cuts every socket without a closing handshake. */
  cutSockets(): void;

  /** The next call of this method (`*`: of any) goes wrong this way. */
  failNext(method: string, fault: InjectedFault): void;
  clearFaults(): void;
  /** The first truthy result of `probe`, called now and after each change; rejects after `ms` (2000). */
  waitFor<T>(probe: () => T | null | undefined | false, ms?: number): Promise<T>;
  close(): Promise<void>;
}
