import { join, resolve } from 'node:path';
import { putBack } from '../../config/client/put-back.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { joined, printed } from '../../text/printed.ts';
import { digestOf, type ReplacedFile, remember, replacedFiles } from './client-file.ts';
import { freePath, replacePrivate, textOf, writePrivate } from './files.ts';
import { isMadeHere } from './made-here.ts';
import { KEPT } from './place.ts';

/** What changed since in other places stays, where the servers that init changed are as it left them; null: they are not. */
function mergedText({ copy }: ReplacedFile, before: string, now: string): string | null {
  const written = textOf(copy);
  return written.kind === 'read' ? putBack({ before, written: written.text, now }) : null;
}

/**
 * `init --undo`: puts the files of clients back as they were before init replaced them, the newest replacement first. A file
 * that was changed since is left alone, unless `force`; then only its servers are put back where that can be, and what was
 * in it is kept beside the backup.
 */
export function undoInit(dir: string, force: boolean, terminal: Terminal): number {
  const place = { kept: join(resolve(terminal.cwd, dir), KEPT) };
  const files = replacedFiles(place);
  if (files.length === 0) {
    terminal.err(printed`Nothing to undo: init has replaced no client's file from ${place.kept}.\n`);
    return 1;
  }
  if (!isMadeHere(place.kept) && !force) {
    terminal.err(
      printed`${place.kept} was not made by init on this machine: it was copied, or came with other files. Its list could have any file replaced, so nothing is put back: ${joined(
        files.map(({ file }) => file),
        ', ',
      )}. Look at the backups beside the list; --force puts them back all the same.\n`,
    );
    return 1;
  }
  const stuck = new Set<string>();
  let left = files;
  for (const replaced of [...files].reverse()) {
    const { file, backup, written } = replaced;
    if (stuck.has(file)) continue;
    const before = textOf(backup);
    const now = textOf(file);
    const changed = now.kind !== 'read' || digestOf(now.text) !== written;
    if (before.kind !== 'read' || (changed && !force)) {
      stuck.add(file);
      const why = before.kind !== 'read' ? `its backup ${backup} cannot be read` : 'it was changed since then';
      terminal.err(
        printed`${file} is left unchanged: ${why}. Its content before init: ${backup}. Use --force to restore it anyway.\n`,
      );
      continue;
    }
    const merged = changed && now.kind === 'read' ? mergedText(replaced, before.text, now.text) : null;
    if (changed && now.kind === 'read') {
      const kept = freePath(`${backup}.changed`);
      writePrivate(kept, now.text);
      terminal.out(printed`The content of ${file} until now: ${kept}\n`);
    }
    replacePrivate(file, merged ?? before.text);
    left = left.filter((each) => each !== replaced);
    remember(place, left);
    terminal.out(
      merged === null
        ? printed`${file} is as it was before init.\n`
        : printed`The servers in ${file} are as they were before init; other later changes stay.\n`,
    );
  }
  terminal.out(printed`holdfast.yaml, policies and secrets stay. Delete them if you no longer need them.\n`);
  return stuck.size === 0 ? 0 : 1;
}
