import { randomBytes } from 'node:crypto';
import { type Fields, listField, textField } from '../wire/fields.ts';
import { withBlockIds } from './messages.ts';

/** A modal that a person has or had open. */
export interface SlackView {
  readonly id: string;
  readonly user: string;
  /** The view as the app gave it, with block ids. */
  view: Fields;
  hash: string;
  open: boolean;
  readonly root: string;
  readonly previous: string | null;
  /** The app's errors for the last submission, by block_id. */
  errors: Record<string, string>;
  /** Oldest first; the last one is the current one. */
  readonly versions: Fields[];
}

/** How many modals may be stacked. */
export const MOST_STACKED = 3;

/** Modals of all people, in order of opening. */
export class Views {
  readonly all: SlackView[] = [];
  readonly #homes = new Map<string, SlackView>();
  #count = 0;

  open(user: string, view: Fields, under: SlackView | null = null): SlackView {
    const id = `V${String(++this.#count).padStart(8, '0')}`;
    const opened: SlackView = {
      id,
      user,
      view: {},
      hash: '',
      open: true,
      root: under?.root ?? id,
      previous: under?.id ?? null,
      errors: {},
      versions: [],
    };
    this.all.push(opened);
    this.change(opened, view);
    return opened;
  }

  /** A person's Home of the app; empty until the app publishes one. */
  home(user: string): SlackView {
    const id = `VHOME${user}`;
    const fresh = { id, user, view: {}, hash: '', open: false, root: id, previous: null, errors: {}, versions: [] };
    const home = this.#homes.get(user) ?? fresh;
    this.#homes.set(user, home);
    return home;
  }

  change(of: SlackView, view: Fields): void {
    of.view = { ...structuredClone(view), blocks: withBlockIds(listField(view, 'blocks')) };
    of.hash = `${Math.floor(Date.now() / 1000)}.${randomBytes(4).toString('hex')}`;
    of.errors = {};
    of.versions.push(of.view);
  }

  find(by: { id?: string | undefined; externalId?: string | undefined }): SlackView | undefined {
    return this.all.find((v) =>
      by.id !== undefined
        ? v.id === by.id
        : by.externalId !== undefined && textField(v.view, 'external_id') === by.externalId,
    );
  }

  /** Open modals of a person, the top one last. */
  of(user: string): SlackView[] {
    return this.all.filter((view) => view.user === user && view.open);
  }

  /** Closes one and those stacked on it, or all of the person's. */
  close(view: SlackView, all: boolean): void {
    const stack = this.of(view.user);
    for (const other of all ? stack : stack.slice(stack.indexOf(view))) other.open = false;
  }
}
