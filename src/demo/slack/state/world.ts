import type { Rate } from '../web-api/rates.ts';
import type { MethodReply } from '../web-api/reply.ts';
import type { Fields } from '../wire/fields.ts';
import type { Messages } from './messages.ts';
import type { OneShots } from './one-shots.ts';
import type { Views } from './views.ts';
import type { SlackToken, Workspace } from './workspace.ts';

/** Everything a Web API method may look at or change. */
export interface World {
  readonly workspace: Workspace;
  readonly messages: Messages;
  readonly views: Views;
  readonly oneShots: OneShots;
  readonly now: () => number;
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly origin: () => string;
  /** A new single-use WebSocket address. */
  readonly socketUrl: () => string;
}

/** One method of the Web API. */
export interface WebApiMethod {
  readonly token: SlackToken['kind'];
  /** Scopes that every call needs; null where it depends on the kind of channel. */
  readonly scope: string | null;
  readonly rate: Rate | null;
  run(world: World, args: Fields, token: SlackToken): MethodReply;
}
