import { Hono } from 'hono';
import { type ClickDeps, takeClicks } from './click/take-clicks.ts';
import type { AppHomes } from './home/app-homes.ts';
import { firstOf, homeTaker } from './home/take-home.ts';
import { type OperatorTerms, stopTaker } from './stop/take-stop.ts';
import { requestHandler } from './wire/receiver.ts';

export interface WebDoorDeps extends Omit<ClickDeps, 'takeOther'> {
  /** Absent: nobody freezes or thaws in Slack. */
  readonly operator?: OperatorTerms | undefined;
  /** Absent: nobody has a Home. */
  readonly appHomes?: AppHomes | undefined;
  readonly signingSecret: string;
}

/**
 * The approvers' door without Slack's libraries, for runtimes that cannot run them (Cloudflare Workers). Clicks arrive
 * over HTTP only; everything after the parsed payload is the same as in `door.ts`.
 */
export function slackWebDoor(deps: WebDoorDeps): { readonly app: Hono; stop(): Promise<void> } {
  const clicks = takeClicks({ ...deps, takeOther: firstOf(homeTaker(deps.appHomes), stopTaker(deps.operator)) });
  const handle = requestHandler(deps, ({ body, ack }) => clicks.take(body, ack));
  return { app: new Hono().post('/slack/events', (c) => handle(c.req.raw)), stop: () => clicks.settled() };
}
