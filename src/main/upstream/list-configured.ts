import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { ServerConfig } from '../../config/config.ts';
import { listOverHttp } from './list-over-http.ts';
import { listToolsOver, type ToolListing } from './list-tools.ts';

/** How much of a child's stderr is kept, in UTF-16 units. */
const STDERR_KEPT = 2_000;

/** Asks one server for its tools as an agent would. Takes `timeoutMs` at most; never rejects. */
export function listTools({ upstream }: ServerConfig, timeoutMs: number): Promise<ToolListing> {
  if (upstream.kind === 'http') return listOverHttp(upstream, timeoutMs);
  const [command, ...args] = upstream.command;
  const transport = new StdioClientTransport({
    command,
    args,
    env: { ...getDefaultEnvironment(), ...upstream.env },
    stderr: 'pipe',
    ...(upstream.cwd === null ? {} : { cwd: upstream.cwd }),
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
