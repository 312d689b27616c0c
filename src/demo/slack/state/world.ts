import type { Messages } from './messages.ts';
import type { OneShots } from './one-shots.ts';
import type { Views } from './views.ts';
import type { Workspace } from './workspace.ts';

/** The whole state of the stand-in: what a Web API method may read or change. */
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
