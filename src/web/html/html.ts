import type { html } from 'hono/html';

/** A piece of a page, made by hono's `html` template, which escapes whatever text is put into it. */
export type Html = ReturnType<typeof html>;
