import { flag, operand, requiredText, text } from '../parse/command.ts';

/* What several commands take, in the same words everywhere. */

export const config = text('<file>', 'config file (default: HOLDFAST_CONFIG, else holdfast.yaml)');
export const data = text('<dir>', 'data directory (default: HOLDFAST_DATA, else .holdfast)');
export const publicUrl = text('<url>', 'address that agents, Slack and browsers use');
export const json = flag('print JSON, for programs');

/** What every command takes that asks a running gateway. */
export const url = text('<url>', 'address of the gateway (default: HOLDFAST_PUBLIC_URL, else HOLDFAST_LISTEN)');
export const admin = {
  tokenFile: text('<file>', 'file with your token (default: HOLDFAST_TOKEN, else HOLDFAST_ADMIN_TOKEN)'),
  // Refused with what to do instead; not known to anybody who reads help.
  token: { ...text('<token>', 'refused: give --token-file'), hidden: true },
};
export const asking = { url, ...admin, json };
export const ASKS_A_GATEWAY = [
  'Asks the gateway at --url, else at HOLDFAST_PUBLIC_URL, HOLDFAST_LISTEN or http://127.0.0.1:8787. Without a token in file or environment, a terminal asks for it.',
];

export const approvalId = operand('<id>', 'id of the approval');
export const why = requiredText('<text>', 'why, for agents, approvers and the log');

/** States of an approval, for `--state`. */
export const STATE_NAMES = [
  'pending',
  'approved',
  'denied',
  'expired',
  'withdrawn',
  'dispatched',
  'lapsed',
  'succeeded',
  'failed',
  'unknown',
];
/** Clients whose files `init` knows: those of `config/client/`, which help must not load. */
export const INIT_CLIENTS = ['claude-desktop', 'claude-code', 'cursor', 'vscode', 'windsurf', 'mcp'];
/** How a point in time is written, for `--since`. */
export const TIME = '5m, 2h, 3d (ago), or 2026-11-22T10:00';
