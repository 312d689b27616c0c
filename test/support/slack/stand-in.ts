/** The Slack stand-in as an app sees it: through Slack's own web client, and through Bolt. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import bolt from '@slack/bolt';
import { type KnownBlock, LogLevel, type ModalView, WebClient } from '@slack/web-api';
import { type SlackStandIn, type SlackStandInOptions, startSlackStandIn } from '../../../src/demo/slack/stand-in.ts';

export const CHANNEL = 'C0APPROVALS';

export async function standIn(t: TestContext, options: SlackStandInOptions = {}): Promise<SlackStandIn> {
  const slack = await startSlackStandIn({ rates: false, ...options });
  t.after(() => slack.close());
  return slack;
}

export function clientOf(slack: SlackStandIn, token = slack.botToken): WebClient {
  return new WebClient(token, {
    slackApiUrl: slack.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logLevel: LogLevel.ERROR,
    logger: quiet,
  });
}

const quiet = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  getLevel: () => LogLevel.ERROR,
  setName() {},
};

/** The name of Slack's error, or of the web client's. */
export async function errorOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const of = error as { code?: string; data?: { error?: string } };
    return of.data?.error ?? of.code ?? String(error);
  }
  return 'none';
}

export const CARD: KnownBlock[] = [
  { type: 'header', text: { type: 'plain_text', text: 'Approval needed' } },
  {
    type: 'actions',
    block_id: 'decide',
    elements: [
      {
        type: 'button',
        action_id: 'approve',
        style: 'primary',
        text: { type: 'plain_text', text: 'Approve' },
        value: 'a1',
      },
    ],
  },
];

export const MODAL: ModalView = {
  type: 'modal',
  callback_id: 'deny',
  title: { type: 'plain_text', text: 'Deny' },
  submit: { type: 'plain_text', text: 'Deny' },
  notify_on_close: true,
  blocks: [
    {
      type: 'input',
      block_id: 'reason',
      label: { type: 'plain_text', text: 'Reason' },
      element: { type: 'plain_text_input', action_id: 'text', max_length: 100 },
    },
  ],
};

/** The real Bolt, connected to the stand-in over HTTP or Socket Mode. */
export async function boltOver(t: TestContext, slack: SlackStandIn, transport: 'http' | 'socket') {
  const clientOptions = { slackApiUrl: slack.apiUrl, retryConfig: { retries: 0 } };
  const common = { token: slack.botToken, clientOptions, logger: quiet, convoStore: false as const };
  const app =
    transport === 'socket'
      ? new bolt.App({ ...common, socketMode: true, appToken: slack.appToken, deferInitialization: true })
      : new bolt.App({
          ...common,
          receiver: new bolt.HTTPReceiver({ signingSecret: slack.signingSecret, logger: quiet }),
          deferInitialization: true,
        });
  await app.init();
  const started = await app.start(0);
  t.after(() => app.stop());
  if (transport === 'http') {
    slack.interactivityUrl = `http://127.0.0.1:${((started as Server).address() as AddressInfo).port}/slack/events`;
  } else {
    await slack.waitFor(() => slack.connections > 0);
  }
  return app;
}
