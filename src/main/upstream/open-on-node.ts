import type { ServerConfig } from '../../config/config.ts';
import { type Proxies, proxyFor } from '../../config/proxies.ts';
import type { ServerFailure } from '../../mcp/stdio/sessions.ts';
import { stdioUpstream } from '../../mcp/stdio/upstream.ts';
import { httpUpstream } from '../../mcp/upstream/http.ts';
import type { Clock, Log, Upstream } from '../../ports.ts';
import { confinedProgram } from '../confine/confine.ts';
import type { Guarded } from '../confine/guarded.ts';

/** What children of this process are started with, as of now: what none may reach, and how many a grant may have. */
export interface ChildTerms {
  readonly guarded: Guarded;
  readonly maxChildrenPerGrant: number;
}

/** Opens upstreams on Node: over HTTP, or as a child of this process. `tell`: told of children that fail; else the log is. */
export function upstreamOnNode(
  clock: Clock,
  log: Log,
  proxies: Proxies,
  terms: () => ChildTerms,
  tell: ((server: ServerConfig, failure: ServerFailure) => void) | null = null,
): (server: ServerConfig) => Upstream {
  return (server) => {
    const { upstream } = server;
    if (upstream.kind === 'http') return httpUpstream({ ...upstream, proxy: proxyFor(proxies, upstream.url) });
    const { maxChildrenPerGrant } = terms();
    const program = () => confinedProgram(upstream, terms().guarded, process.env);
    const onFailure = tell === null ? undefined : (failure: ServerFailure) => tell(server, failure);
    return stdioUpstream({ program, clock, log, maxChildrenPerGrant, onFailure });
  };
}
