import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { ServerConfig } from '../../config/config.ts';
import type { Program } from '../../mcp/stdio/child.ts';
import { NotConfined } from '../confine/bubblewrap.ts';
import { confinedProgram } from '../confine/confine.ts';
import type { Guarded } from '../confine/guarded.ts';
import { listOverHttp } from './list-over-http.ts';
import { listToolsOver, type ToolListing } from './list-tools.ts';

/** How much of a child's stderr is kept, in UTF-16 units. */
const STDERR_KEPT = 2_000;

/**
 * Asks one server for its tools as an agent would; a command is confined as when an agent calls it. Takes `timeoutMs` at
 * most; never rejects.
 */
export async function listTools({ upstream }: ServerConfig, timeoutMs: number, guarded: Guarded): Promise<ToolListing> {
  if (upstream.kind === 'http') return listOverHttp(upstream, timeoutMs);
  try {
    return await listOverStdio(confinedProgram(upstream, guarded, process.env), timeoutMs);
  } catch (error) {
    if (error instanceof NotConfined) return { ok: false, why: error.message };
    throw error;
  }
}

function listOverStdio({ command: words, env, cwd }: Program, timeoutMs: number): Promise<ToolListing> {
  const [command = '', ...args] = words;
  const transport = new StdioClientTransport({
    command,
    args,
    env: { ...env },
    stderr: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
  });
  const stderr = new StderrTail();
  transport.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  return listToolsOver(transport, timeoutMs, () => stderr.text());
}

/** The end of what a child wrote to stderr, which usually says what it lacks. */
class StderrTail {
  #last = '';

  push(chunk: Buffer): void {
    this.#last = (this.#last + chunk.toString('utf8')).slice(-STDERR_KEPT);
  }

  text(): string {
    return this.#last.trim().split('\n').slice(-3).join(' / ');
  }
}
