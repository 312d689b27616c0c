import type { ClientForm } from './clients.ts';

/** A part of a text of a client's file. */
export type TextPart =
  | { readonly kind: 'text'; readonly text: string }
  /** A variable of the environment, with what stands in for it where it is not set. */
  | { readonly kind: 'variable'; readonly name: string; readonly standard: string | null }
  | { readonly kind: 'input'; readonly id: string }
  /** A file whose text is meant. */
  | { readonly kind: 'file'; readonly path: string }
  /** `workspaceFolder` and the like. */
  | { readonly kind: 'place'; readonly name: string }
  /** Nobody but the client knows what it stands for. */
  | { readonly kind: 'unknown'; readonly text: string };

const MARK = /\$\{([^{}]*)\}/g;
const SHELL = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;
const PLACES = new Set([
  'workspaceFolder',
  'workspaceFolderBasename',
  'workspaceRoot',
  'userHome',
  'pathSeparator',
  '/',
]);

/** Takes a text apart as its client would. `own`: names of the entry's own variables, which its program fills in itself. */
export function textParts(
  text: string,
  { fillsIn }: Pick<ClientForm, 'fillsIn'>,
  own: ReadonlySet<string>,
): TextPart[] {
  if (fillsIn === 'none') return [{ kind: 'text', text }];
  const parts: TextPart[] = [];
  let from = 0;
  for (const found of text.matchAll(MARK)) {
    const part = fillsIn === 'env' ? editorPart(found[0], found[1]!) : shellPart(found[0], found[1]!, own);
    if (part.kind === 'text') continue;
    if (found.index > from) parts.push({ kind: 'text', text: text.slice(from, found.index) });
    parts.push(part);
    from = found.index + found[0].length;
  }
  if (from < text.length || parts.length === 0) parts.push({ kind: 'text', text: text.slice(from) });
  return parts;
}

function editorPart(all: string, inner: string): TextPart {
  if (PLACES.has(inner)) return { kind: 'place', name: inner };
  const [, kind, rest] = /^(\w+):(.+)$/s.exec(inner) ?? [];
  if (kind === 'env') return { kind: 'variable', name: rest!, standard: null };
  if (kind === 'input') return { kind: 'input', id: rest! };
  if (kind === 'file') return { kind: 'file', path: rest! };
  // A name alone is filled in by the program that gets it, as mcp-remote does.
  return kind === undefined ? { kind: 'text', text: all } : { kind: 'unknown', text: all };
}

function shellPart(all: string, inner: string, own: ReadonlySet<string>): TextPart {
  const [, name, standard = null] = SHELL.exec(inner) ?? [];
  return name === undefined || own.has(name) ? { kind: 'text', text: all } : { kind: 'variable', name, standard };
}
