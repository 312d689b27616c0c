import { html } from 'hono/html';
import type { Html } from './html.ts';
import { visibleName } from './visible-text.ts';

/** The names that the config's `people` gives, by Slack id, login or `admin`. */
export type PersonNames = ReadonlyMap<string, string>;

export const NO_NAMES: PersonNames = new Map();

/** A person by the name that the config gives, with the id; by the id alone where it gives none. */
export function personName(id: string, names: PersonNames): Html {
  const name = names.get(id);
  return name === undefined || name === id
    ? visibleName(id)
    : html`${visibleName(name)} <span class="dim">(${visibleName(id)})</span>`;
}
