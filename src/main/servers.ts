import type { ServerConfig } from '../config/config.ts';
import { isHidden } from '../domain/evaluate.ts';
import type { ServerEntry } from '../mcp/door.ts';
import { stdioUpstream } from '../mcp/stdio-upstream.ts';
import { httpUpstream } from '../mcp/upstream-http.ts';
import type { Clock, Log, Upstream } from '../ports.ts';
import type { LiveRules } from './live-rules.ts';

interface Known {
  readonly said: string;
  readonly upstream: Upstream;
}

/** The upstream of each configured server. One that a reload leaves as it was keeps its connections and children. */
export class Servers {
  readonly #known = new Map<string, Known>();
  readonly #rules: LiveRules;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(rules: LiveRules, clock: Clock, log: Log) {
    this.#rules = rules;
    this.#clock = clock;
    this.#log = log;
  }

  entry(name: string): ServerEntry | undefined {
    const config = this.#rules.loaded.config.servers.get(name);
    if (config === undefined) return undefined;
    const policy = this.#rules.policy(name);
    return {
      name,
      upstream: this.#upstream(config),
      headers: config.upstream.kind === 'http' ? config.upstream.headers : {},
      hidden: (tool) => policy !== null && isHidden(policy, tool),
      hides: policy !== null && (policy.hidden.exact.size > 0 || policy.hidden.globs.length > 0),
    };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#known.values()].map(({ upstream }) => upstream.close()));
  }

  #upstream(config: ServerConfig): Upstream {
    const said = JSON.stringify(config.upstream);
    const known = this.#known.get(config.name);
    if (known?.said === said) return known.upstream;
    // Calls that are under way keep the old one until it is closed with the process.
    const upstream = this.#open(config);
    this.#known.set(config.name, { said, upstream });
    return upstream;
  }

  #open({ upstream }: ServerConfig): Upstream {
    if (upstream.kind === 'http') return httpUpstream({ url: upstream.url });
    return stdioUpstream({
      command: upstream.command,
      env: upstream.env,
      inherited: process.env,
      ...(upstream.cwd === null ? {} : { cwd: upstream.cwd }),
      clock: this.#clock,
      log: this.#log,
    });
  }
}
