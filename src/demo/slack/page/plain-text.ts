import { type Fields, textField } from '../wire/fields.ts';
import { html, type SafeHtml, trusted } from './html.ts';
import { withEmoji } from './mrkdwn.ts';

/** A plain_text object: no markup, and emoji names only where they are allowed. */
export function plainHtml(of: Fields | undefined): SafeHtml {
  const plain = textField(of, 'text') ?? '';
  const safe = html`${of?.emoji === false ? plain : withEmoji(plain)}`;
  return trusted(safe.toString().replaceAll('\n', '<br>'));
}
