import { plural } from '../../text/plural.ts';
import { visible } from '../../text/visible.ts';
import { isObject, type Json, type JsonObject, member } from '../json/json.ts';

/** The members of `_meta` by which a client introduces itself in every 2026-07-28 request. */
export const CLIENT_INFO = 'io.modelcontextprotocol/clientInfo';
export const CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

/** Characters of a name, a version or a title, and of one setting of an extension. */
const LONGEST_WORD = 64;
/** Characters of a website or a description. */
const LONGEST_LINE = 128;
/** Icons, and where each comes from: an address or the picture itself, in ASCII without blanks. */
const MOST_ICONS = 16;
const ICON = /^(?:https?:\/\/|data:image\/)[\x21-\x7e]{1,16384}$/;
/** Characters of an extension's name. */
const LONGEST_NAME = 128;
/** Characters of all capabilities together, as a card shows them. */
const LONGEST_LIST = 300;

/** Capabilities that the revision defines, with what may be inside them; `*` stands for any plain name. */
type Shape = 'yes or no' | 'words' | { readonly [member: string]: Shape };
const NOTHING_INSIDE: Shape = {};
const CAPABILITIES: Shape = {
  elicitation: { form: { applyDefaults: 'yes or no' }, url: NOTHING_INSIDE },
  sampling: { tools: NOTHING_INSIDE, context: NOTHING_INSIDE },
  roots: { listChanged: 'yes or no' },
  tasks: {
    list: NOTHING_INSIDE,
    cancel: NOTHING_INSIDE,
    requests: { sampling: { createMessage: NOTHING_INSIDE }, elicitation: { create: NOTHING_INSIDE } },
  },
  extensions: { '*': { '*': 'words' } },
  experimental: { '*': NOTHING_INSIDE },
};

/**
 * `clientInfo` in its plain shape, `name version`: name, version and title, each a short text on one line; a website and
 * a description that are short; and icons, which are only counted, because whoever wants to see them opens the whole
 * call. Null: there is none, or there is more to it than that.
 */
export function plainClient(info: Json | undefined): string | null {
  if (!isObject(info)) return null;
  const { name, version, title, websiteUrl, description, icons, ...more } = info;
  if (Object.keys(more).length > 0 || !isWord(name)) return null;
  if (![version, title].every((word) => word === undefined || isWord(word))) return null;
  if (websiteUrl !== undefined && !isAddress(websiteUrl)) return null;
  if (description !== undefined && !isLine(description)) return null;
  if (icons !== undefined && !areIcons(icons)) return null;
  const named = title === undefined || title === name ? name : `${title} (${name})`;
  return [
    version === undefined ? named : `${named} ${version}`,
    ...(websiteUrl === undefined ? [] : [websiteUrl]),
    ...(description === undefined ? [] : [JSON.stringify(description)]),
    ...(icons === undefined ? [] : [iconsCounted(icons)]),
  ].join(', ');
}

/** What of a plain `clientInfo` is only counted in it. Null: nothing is. */
export function onlyCounted(info: Json | undefined): JsonObject | null {
  const icons = plainClient(info) === null ? undefined : member(info, 'icons');
  return icons === undefined ? null : { icons };
}

function isAddress(value: Json): value is string {
  return isLine(value) && /^https?:\/\/[^\s]+$/.test(value);
}

function isLine(value: Json): value is string {
  return typeof value === 'string' && value.length <= LONGEST_LINE && visible(value) === value;
}

/** Icons as the revision defines them (2025-11-25, Icons), and nothing besides. */
function areIcons(icons: Json): icons is readonly JsonObject[] {
  if (!Array.isArray(icons) || icons.length > MOST_ICONS) return false;
  return icons.every((icon) => {
    if (!isObject(icon)) return false;
    const { src, mimeType, sizes, theme, ...more } = icon;
    if (Object.keys(more).length > 0 || typeof src !== 'string' || !ICON.test(src)) return false;
    return [mimeType, theme].every((word) => word === undefined || isWord(word)) && fits(sizes ?? [], 'words');
  });
}

function iconsCounted(icons: readonly JsonObject[]): string {
  const characters = JSON.stringify(icons).length.toLocaleString('en-US');
  return `${icons.length} ${plural(icons.length, 'icon')} of ${characters} characters in all`;
}

/**
 * `clientCapabilities` in their plain shape, all of them in a list: only what the revision defines, extensions by their
 * names, and nothing in which longer text could travel. Null: there are none, or there is more to them than that.
 */
export function plainCapabilities(capabilities: Json | undefined): readonly string[] | null {
  if (!isObject(capabilities) || !fits(capabilities, CAPABILITIES)) return null;
  const all = Object.entries(capabilities).flatMap(([name, inside]) =>
    name === 'extensions' || name === 'experimental'
      ? Object.entries(inside as JsonObject).map(
          ([one, settings]) => `${name === 'extensions' ? 'extension' : name} ${one}${within(settings)}`,
        )
      : [`${name}${within(inside)}`],
  );
  return all.join(', ').length <= LONGEST_LIST ? all : null;
}

function fits(value: Json | undefined, shape: Shape): boolean {
  if (shape === 'yes or no') return typeof value === 'boolean';
  if (shape === 'words') return isWord(value) || (Array.isArray(value) && value.every(isWord));
  if (!isObject(value)) return false;
  return Object.entries(value).every(([name, inside]) => {
    const expected =
      Object.hasOwn(shape, name) && name !== '*' ? shape[name] : isPlainName(name) ? shape['*'] : undefined;
    return expected !== undefined && fits(inside, expected);
  });
}

/** What is inside a capability, in brackets; nothing for an empty one. */
function within(value: Json | undefined): string {
  if (!isObject(value)) return '';
  const all = Object.entries(value).map(([name, inside]) => {
    if (isObject(inside)) return `${name}${within(inside)}`;
    return `${name}: ${JSON.stringify(inside)}`;
  });
  return all.length === 0 ? '' : ` (${all.join(', ')})`;
}

function isWord(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_WORD && visible(value) === value;
}

const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9_./-]*$/;

function isPlainName(name: string): boolean {
  return name.length <= LONGEST_NAME && PLAIN_NAME.test(name);
}

/** How the client introduces itself, as far as that is plain. */
export interface Introduction {
  readonly client: string | null;
  readonly capabilities: readonly string[] | null;
}

export function introductionIn(meta: JsonObject): Introduction {
  return {
    client: plainClient(member(meta, CLIENT_INFO)),
    capabilities: plainCapabilities(member(meta, CLIENT_CAPABILITIES)),
  };
}
