import { deflateRawSync, inflateRawSync } from 'node:zlib';

/**
 * What a card showed, as `card_contents.packed` keeps it: an octet that names the form, and the text's UTF-8 by raw DEFLATE,
 * which begins with a text that cards have in common. Form and common text are frozen: a new one gets the next number.
 */
const FORM = 1;

/** Octets of a card that is read: 200,000 characters take no more. Somebody else may have written the row. */
const MOST_OCTETS = 1_000_000;

export function packCard(content: string): Uint8Array {
  const packed = deflateRawSync(Buffer.from(content), { level: 9, dictionary: COMMON });
  return Buffer.concat([Buffer.of(FORM), packed]);
}

/** null: it is in no form that is known, or holds more than a card. Whether it is what was shown, its digest says. */
export function unpackCard(packed: Uint8Array): string | null {
  if (packed[0] !== FORM) return null;
  try {
    return inflateRawSync(packed.subarray(1), { dictionary: COMMON, maxOutputLength: MOST_OCTETS }).toString();
  } catch {
    return null;
  }
}

/** What is most common comes last. */
const COMMON = Buffer.from(
  [
    '{"type":"context","elements":[{"type":"mrkdwn","text":"🆕 *First use.* No call of this tool by this agent was approved and sent before.","verbatim":true},',
    '{"type":"mrkdwn","text":"🌅 *First today.* The first question of this agent today (UTC).","verbatim":true}],"block_id":"',
    '{"type":"text","text":"⚠ Unusual","style":{"bold":true}},{"type":"text","text":"\\n• "},{"type":"text","text":"Asked ',
    ' times for "},{"type":"text","text":"","style":{"code":true}},{"type":"text","text":" in 30 days, and no such call was approved and made"}',
    '{"type":"text","text":"First call of this tool that people are asked about for "},',
    '{"type":"section","text":{"type":"mrkdwn","text":"*Denied by *Expired* *Withdrawn* *The server answered with an error* *Succeeded* *Failed* *Outcome unknown* after ',
    '{"type":"section","text":{"type":"mrkdwn","text":"*Approved by <@U0> in Slack at <!date^17^{date_short_pretty} {time}|20',
    ':00.000Z>.*\\nMay approve: ` (<@U0>, <@U0>, the admin), but not <@U0>, whose agent it is.","verbatim":true},"block_id":"',
    '{"type":"section","text":{"type":"mrkdwn","text":"* of 1 approvals. Expires <!date^17^{date_short_pretty} {time}|20',
    '{"type":"overflow","action_id":"snooze","options":[{"text":{"type":"plain_text","text":"💤 Snooze for me: 5 minutes","emoji":false},"value":"ap_01',
    '{"type":"button","action_id":"counter","text":{"type":"plain_text","text":"Deny with a change…","emoji":false},"value":"ap_01","style":"danger"},',
    '{"type":"button","action_id":"details","text":{"type":"plain_text","text":"View details","emoji":false},"value":"ap_01',
    '{"type":"button","action_id":"deny","text":{"type":"plain_text","text":"Deny…","emoji":false},"value":"ap_01","style":"danger"},',
    '{"type":"actions","elements":[{"type":"button","action_id":"approve","text":{"type":"plain_text","text":"Approve","emoji":false},"value":"ap_01","style":"primary"},',
    '[{"type":"header","text":{"type":"plain_text","text":"Approval needed: Approved: Denied: Succeeded: Failed: ","emoji":false},"block_id":"r1.0"},',
    '{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"Why it needs approval","style":{"bold":true}}]},',
    '{"type":"rich_text_quote","elements":[{"type":"text","text":"default: default is require_approval"}]}],"block_id":"r1.3"},',
    '{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"Arguments","style":{"bold":true}}]},',
    '{"type":"rich_text_preformatted","elements":[{"type":"text","text":"',
    '"}]}],"block_id":"r1.4"},{"type":"section","fields":[{"type":"mrkdwn","text":"*Agent*\\n`',
    '`","verbatim":true},{"type":"mrkdwn","text":"*On behalf of*\\n<@U0>","verbatim":true},{"type":"mrkdwn","text":"*Server*\\n`',
    '`","verbatim":true},{"type":"mrkdwn","text":"*Tool*\\n`","verbatim":true},{"type":"mrkdwn","text":"*Risk*\\nnot stated',
    '","verbatim":true},{"type":"mrkdwn","text":"*Policy rule*\\n`","verbatim":true}],"block_id":"r1.5"},',
    '{"type":"context","elements":[{"type":"mrkdwn","text":"Request `ap_01` · fingerprint `","verbatim":true}],"block_id":"r1.7"},',
  ].join(''),
);
