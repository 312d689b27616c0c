import type { ServerConfig } from '../../config/config.ts';
import { stdioUpstream } from '../../mcp/stdio/upstream.ts';
import { httpUpstream } from '../../mcp/upstream/http.ts';
import type { Clock, Log, Upstream } from '../../ports.ts';

/** Opens upstreams on Node: over HTTP, or as a child of this process. */
export function upstreamOnNode(clock: Clock, log: Log): (server: ServerConfig) => Upstream {
  return ({ upstream }) => {
    if (upstream.kind === 'http') return httpUpstream({ url: upstream.url });
    const { command, env, cwd } = upstream;
    return stdioUpstream({ command, env, inherited: process.env, ...(cwd === null ? {} : { cwd }), clock, log });
  };
}
