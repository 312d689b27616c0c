import type { ServerConfig } from '../../config/config.ts';
import { stdioUpstream } from '../../mcp/stdio/upstream.ts';
import { httpUpstream } from '../../mcp/upstream/http.ts';
import type { Clock, Log, Upstream } from '../../ports.ts';
import { confinedProgram } from '../confine/confine.ts';
import type { Guarded } from '../confine/guarded.ts';

/** Opens upstreams on Node: over HTTP, or as a child of this process. `guarded`: what no child may reach, as of now. */
export function upstreamOnNode(clock: Clock, log: Log, guarded: () => Guarded): (server: ServerConfig) => Upstream {
  return ({ upstream }) => {
    if (upstream.kind === 'http') return httpUpstream({ url: upstream.url });
    return stdioUpstream({ program: () => confinedProgram(upstream, guarded(), process.env), clock, log });
  };
}
