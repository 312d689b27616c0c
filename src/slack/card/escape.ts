import { leftToRight, visible } from '../../text/visible.ts';

/**
 * Makes untrusted text harmless. There are two dangers: text that acts (mrkdwn, mentions, links) is escaped; text that
 * hides (bidi controls, zero-width characters, fillers, line separators) is shown as `\u202e`.
 */

/** A string as JSON writes it, so that a line break or a quote inside it cannot seem to end it. */
export function quoted(text: string): string {
  return visible(JSON.stringify(text));
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

/** Escapes the three characters that mean something in mrkdwn and in a message's `text`. */
export function escapedMrkdwn(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

/** A name in mrkdwn, set as code, so that it cannot become bold, an emoji or a mention. */
export function codeSpan(name: string): string {
  return `\`${escapedMrkdwn(leftToRight(name)).replace(/`/g, '\\u0060')}\``;
}

const PERSON = /^[UW][A-Z0-9]{2,}$/;
const USER_GROUP = /^S[A-Z0-9]{2,}$/;

/** A person in mrkdwn: a mention only if the id can be nothing else. */
export function personMention(id: string): string {
  if (id === 'admin') return 'the admin';
  return PERSON.test(id) ? `<@${id}>` : codeSpan(id);
}

/** The same with the name that the config gave: `<@U0MIRA> (mira)`. An id that is none of Slack's is that name alone. */
export function namedPerson(id: string, name: string | undefined): string {
  if (name === undefined || name === id) return personMention(id);
  return PERSON.test(id) || id === 'admin' ? `${personMention(id)} (${codeSpan(name)})` : codeSpan(name);
}

export function groupMention(id: string): string {
  return USER_GROUP.test(id) ? `<!subteam^${id}>` : codeSpan(id);
}

/** An instant in the reader's own time zone. */
export function localTime(at: Date): string {
  return `<!date^${Math.floor(at.getTime() / 1000)}^{date_short_pretty} {time}|${at.toISOString()}>`;
}
