import { type Fields, text } from '../wire/fields.ts';
import { Html, html } from './html.ts';
import { withEmoji } from './mrkdwn.ts';

/** A plain_text object: no markup, emoji names only where they are allowed. */
export function plainHtml(of: Fields | undefined): Html {
  const said = text(of, 'text') ?? '';
  return new Html(html`${of?.emoji === false ? said : withEmoji(said)}`.markup.replaceAll('\n', '<br>'));
}
