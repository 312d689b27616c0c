import { hash } from 'node:crypto';
import { readJsonText } from '../../config/client/json-text.ts';
import { freshClientText, throughHoldfast, withReplaced } from '../../config/client/through-holdfast.ts';
import { freePath, replacePrivate, textOf, writePrivate } from './files.ts';
import type { ClientGrant } from './grant.ts';
import type { SetUpPlace } from './place.ts';
import type { ClientSource } from './source.ts';
import type { ChosenServer } from './take.ts';

/** A client's file that init has replaced. */
export interface ReplacedFile {
  readonly file: string;
  /** What was in it before, for its owner alone. */
  readonly backup: string;
  /** What init wrote, likewise. */
  readonly copy: string;
  /** SHA-256 of what init wrote, in hex. */
  readonly written: string;
}

/** The client's own file, with the chosen servers led through Holdfast. */
export function clientTextFor(
  { form, file }: ClientSource,
  servers: readonly ChosenServer[],
  { url }: Pick<SetUpPlace, 'url'>,
  { token }: ClientGrant,
): string {
  const replaced = servers.map(({ name, listed }) => {
    const way = { url: `${url}/mcp/${name}`, token };
    return { name: listed.name, node: listed.node, value: throughHoldfast(form, listed.node.value, way) };
  });
  if (file === null)
    return freshClientText(
      form,
      replaced.map(({ name, value }) => [name, value] as const),
    );
  const text = withReplaced(file.text, replaced);
  const read = readJsonText(text);
  if (!read.ok)
    throw new Error(`the changed copy of ${file.path} would not be JSON (${read.why}); nothing was changed`);
  return text;
}

/** Keeps the copy beside the other things of init. Returns its path. */
export function keepCopy({ kept }: SetUpPlace, { form }: ClientSource, text: string): string {
  const path = freePath(`${kept}/clients/${form.name}`, '.json');
  writePrivate(path, text);
  return path;
}

/** Puts the text in the place of the client's file, after a backup. Throws when the file is not as it was read. */
export function replaceClientFile(place: SetUpPlace, source: ClientSource, text: string, copy: string): ReplacedFile {
  const { path: file, text: before } = source.file!;
  const now = textOf(file);
  if (now.kind !== 'read' || now.text !== before) {
    throw new Error(`${file} was changed in the meantime, so it was left unchanged. Run this again to write it.`);
  }
  const backup = freePath(`${place.kept}/clients/${source.form.name}.before`, '.json');
  writePrivate(backup, before);
  const replaced = { file, backup, copy, written: digestOf(text) };
  remember(place, [...replacedFiles(place), replaced]);
  replacePrivate(file, text);
  return replaced;
}

export function digestOf(text: string): string {
  return hash('sha256', text);
}

const listPath = ({ kept }: Pick<SetUpPlace, 'kept'>): string => `${kept}/clients/replaced.json`;

/** The files that init replaced and that were not brought back, the oldest first. */
export function replacedFiles(place: Pick<SetUpPlace, 'kept'>): readonly ReplacedFile[] {
  const read = textOf(listPath(place));
  if (read.kind === 'missing') return [];
  if (read.kind === 'unreadable') throw new Error(`${listPath(place)} ${read.why}`);
  try {
    return JSON.parse(read.text) as ReplacedFile[];
  } catch {
    throw new Error(`${listPath(place)} is not the list that init wrote. The backups are beside it.`);
  }
}

export function remember(place: Pick<SetUpPlace, 'kept'>, files: readonly ReplacedFile[]): void {
  replacePrivate(listPath(place), `${JSON.stringify(files, null, 2)}\n`);
}
