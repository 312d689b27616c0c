import { raw, html as template } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';

/** HTML that is safe to send. */
export type SafeHtml = HtmlEscapedString;

type Piece = SafeHtml | string | number | boolean | null | undefined | readonly Piece[];

/**
 * Hono's template, which escapes whatever is put in except `SafeHtml`. Narrowed to text and HTML, because an object from
 * somebody else's JSON could claim to be escaped, and only a promise would make the result a promise.
 */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): SafeHtml {
  return template(parts, ...pieces) as SafeHtml;
}

/** Takes markup as safe: our own, or what a template made. */
export const trusted = (markup: string): SafeHtml => raw(markup);
