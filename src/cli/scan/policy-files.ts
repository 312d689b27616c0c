import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ServerConfig } from '../../config/config.ts';
import { withSeen } from '../../config/policy/accept.ts';
import { draftPolicy } from '../../config/policy/draft.ts';
import type { Tool } from '../../domain/tool/tool.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { printed } from '../../text/printed.ts';

/** Drafts a policy for what a server lists. An existing file stays as it is; then this is false. */
export async function writeDraft(
  directory: string,
  server: ServerConfig,
  listed: { readonly name: string; readonly version: string; readonly tools: readonly Tool[] },
  terminal: Terminal,
): Promise<boolean> {
  const path = join(directory, `${server.name}.yaml`);
  const text = draftPolicy({ product: `${listed.name} ${listed.version}`, tools: listed.tools });
  await mkdir(resolve(terminal.cwd, dirname(path)), { recursive: true });
  try {
    await writeFile(resolve(terminal.cwd, path), text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    terminal.err(printed`${path} exists already and was not changed; --accept records what changed in its tools\n`);
    return false;
  }
  terminal.err(printed`wrote ${path}\n`);
  return true;
}

/** Records in the server's policy how its tools look now, where that has changed. */
export async function acceptTools(server: ServerConfig, tools: readonly Tool[], terminal: Terminal): Promise<void> {
  const path = resolve(terminal.cwd, server.policyPath);
  const text = await readFile(path, 'utf8').catch(() => null);
  const changed = text === null ? null : withSeen({ path, text }, tools);
  if (changed === null) return;
  await writeFile(path, changed.text);
  terminal.err(printed`${server.policyPath}: recorded the current form of ${changed.tools.join(', ')}\n`);
}
