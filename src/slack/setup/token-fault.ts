import { fatal, type SetupFault } from './fault.ts';

/** Slack's errors for a token that it will not accept, now or later. */
const REFUSED = new Set(['not_authed', 'invalid_auth', 'token_revoked', 'token_expired', 'account_inactive']);

/** Whether Slack refuses the token itself, whatever call it came with. */
export const refusesToken = (code: string): boolean => REFUSED.has(code);

const RESTART = 'and restart the gateway: tokens are read at its start.';
const COPY = `copy its "Bot User OAuth Token" (xoxb-…) from "OAuth & Permissions" into SLACK_BOT_TOKEN, ${RESTART}`;

/** What to do about a refused bot token, by Slack's error. */
const REMEDIES: Readonly<Record<string, string>> = {
  invalid_auth: `It is not the app’s token, or this machine’s address is not among those the app allows. Look at the app: ${COPY}`,
  token_revoked: `Somebody revoked it. Install the app to the workspace again, ${COPY}`,
  account_inactive: `The app was removed from the workspace, or its bot user deactivated. Install it again, ${COPY} Then /invite it to its channels.`,
  token_expired: `Holdfast renews no tokens. Make an app without token rotation, ${COPY}`,
};

export function botTokenFault(code: string): SetupFault {
  return fatal(`Slack refuses SLACK_BOT_TOKEN (${code})`, REMEDIES[code] ?? `Look at the app: ${COPY}`);
}

export function appTokenFault(code: string): SetupFault {
  const remedy = `Make an app-level token (xapp-…) with connections:write under "Basic Information" → "App-Level Tokens", see that "Socket Mode" is on, put it into SLACK_APP_TOKEN, ${RESTART}`;
  return fatal(`Slack refuses SLACK_APP_TOKEN (${code})`, remedy);
}
