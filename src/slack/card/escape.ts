/**
 * How foreign text is made harmless. Two dangers: text that acts (mrkdwn, mentions, links) and text that hides
 * (bidi controls, zero-width, fillers, line separators). The first is escaped, the second is shown as `\u202e`.
 */

/**
 * Whole emoji are left alone (they hold joiners and selectors); everything else that has no ink of its own is matched:
 * controls, format characters, private use, unassigned, ignorable, odd spaces, blank braille, marks piled over four.
 */
const INKLESS =
  /(\p{RGI_Emoji})|[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}|(?<=\p{M}{4})\p{M}/gv;

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Letters that a renderer may move to the other side of their neighbours. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const RIGHT_TO_LEFT_ALL = new RegExp(RIGHT_TO_LEFT, 'gu');

function unit(text: string): string {
  let shown = '';
  for (let i = 0; i < text.length; i++) shown += `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return shown;
}

/** Everything has ink afterwards; nothing reorders what stands around it. Line breaks are escaped too. */
export function visible(text: string): string {
  // Most text is plain ASCII, and the look-up below costs.
  if (PRINTABLE_ASCII.test(text)) return text;
  return text.replace(INKLESS, (match, emoji: string | undefined) => emoji ?? unit(match));
}

/** A string as JSON writes it, so that a line break or a quote inside cannot pretend to be outside. */
export function quoted(text: string): string {
  return visible(JSON.stringify(text));
}

export function turnsAround(text: string): boolean {
  return RIGHT_TO_LEFT.test(text);
}

/** A name on the left of its value: right-to-left letters are escaped, or the two would swap places. */
export function leftToRight(text: string): string {
  return visible(text).replace(RIGHT_TO_LEFT_ALL, unit);
}

/** People's own words on one line: a reason, a note. */
export function oneLine(text: string): string {
  const lines = text.split(/[\r\n]/).map((line) => line.trim());
  return visible(
    lines
      .filter((line) => line !== '')
      .join(' ⏎ ')
      .replace(/\t/g, ' '),
  );
}

/** For mrkdwn and for a message's `text`: the three characters that Slack gives a meaning. */
export function escapedMrkdwn(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** A name in mrkdwn, set as code: no bold, no emoji, no mention comes of it. */
export function codeSpan(name: string): string {
  return `\`${escapedMrkdwn(leftToRight(name)).replace(/`/g, '\\u0060')}\``;
}

/** At most `limit` characters, never half a character. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = limit - 1;
  const last = text.charCodeAt(end - 1);
  return `${text.slice(0, last >= 0xd800 && last <= 0xdbff ? end - 1 : end)}…`;
}

const PERSON = /^[UW][A-Z0-9]{2,}$/;
const USER_GROUP = /^S[A-Z0-9]{2,}$/;

/** A person in mrkdwn: a mention only when the id can be nothing else. */
export function personMention(id: string): string {
  if (id === 'admin') return 'the admin';
  return PERSON.test(id) ? `<@${id}>` : codeSpan(id);
}

export function groupMention(id: string): string {
  return USER_GROUP.test(id) ? `<!subteam^${id}>` : codeSpan(id);
}

/** An instant in the reader's own time zone. */
export function localTime(at: Date): string {
  return `<!date^${Math.floor(at.getTime() / 1000)}^{date_short_pretty} {time}|${at.toISOString()}>`;
}
