import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { ServerConfig } from '../../config/config.ts';
import { listOverHttp } from './list-over-http.ts';
import { type Listing, listToolsOver } from './list-tools.ts';

const STDERR_KEPT = 2_000;

/** Asks one server for its tools as an agent would. Takes `timeoutMs` at most, and never throws. */
export function listTools({ upstream }: ServerConfig, timeoutMs: number): Promise<Listing> {
  if (upstream.kind === 'http') return listOverHttp(upstream, timeoutMs);
  const [command, ...args] = upstream.command;
  const transport = new StdioClientTransport({
    command,
    args,
    env: { ...getDefaultEnvironment(), ...upstream.env },
    stderr: 'pipe',
    ...(upstream.cwd === null ? {} : { cwd: upstream.cwd }),
  });
  const heard = new Heard();
  transport.stderr?.on('data', (chunk: Buffer) => heard.push(chunk));
  return listToolsOver(transport, timeoutMs, () => heard.text());
}

/** The last of what a child wrote to stderr: it usually says what it lacks. */
class Heard {
  #last = '';

  push(chunk: Buffer): void {
    this.#last = (this.#last + chunk.toString('utf8')).slice(-STDERR_KEPT);
  }

  text(): string {
    return this.#last.trim().split('\n').slice(-3).join(' / ');
  }
}
