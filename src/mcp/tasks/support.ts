import { type Json, member } from '../../domain/json/json.ts';
import type { Clock } from '../../ports.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { requestServer } from '../upstream/request.ts';
import type { ServerEntry } from '../upstream/server.ts';

/** How a server's tool stands to tasks, as its own list says (2025-11-25, `execution.taskSupport`). */
export type Support = 'forbidden' | 'optional' | 'required';

/** Milliseconds for which a server's list is taken for what it said, and in which it must have said it. */
const FRESH_MS = 5 * 60_000;
/** Milliseconds before a server that did not say is asked again. */
const AGAIN_MS = 30_000;
const ANSWER_MS = 5_000;
/** Pages of a list that are read; what comes behind them is not known. */
const MOST_PAGES = 50;

interface KnownTools {
  readonly tools: Promise<ReadonlyMap<string, Support>>;
  readonly until: number;
}

/**
 * Asks servers, in the agent's own session, which of their gated tools run as tasks: before anybody is asked, because a
 * call that its server is sure to refuse is not worth a person's time, and before the call is kept, because the server
 * must hear of the task that it insists on. One list a server every five minutes, and none while nothing gated is called.
 */
export class TaskSupport {
  readonly #known = new Map<string, KnownTools>();
  readonly #servers: (name: string) => ServerEntry | undefined;
  readonly #clock: Clock;

  constructor(servers: (name: string) => ServerEntry | undefined, clock: Clock) {
    this.#servers = servers;
    this.#clock = clock;
  }

  /** `forbidden` also where the server does not say: then no call of it goes out as a task. */
  async of(request: ToolCallRequest): Promise<Support> {
    const server = this.#servers(request.server);
    if (server === undefined) return 'forbidden';
    const now = this.#clock.now().getTime();
    let known = this.#known.get(server.name);
    if (known === undefined || known.until <= now) {
      known = { tools: listed(server, request), until: now + FRESH_MS };
      this.#known.set(server.name, known);
    }
    try {
      return (await known.tools).get(String(request.params.name)) ?? 'forbidden';
    } catch {
      // A server that is slow to say must not hold up every call of it.
      const none = { tools: Promise.resolve(new Map()), until: this.#clock.now().getTime() + AGAIN_MS };
      if (this.#known.get(server.name) === known) this.#known.set(server.name, none);
      return 'forbidden';
    }
  }
}

/** Throws when the server does not answer with a list. */
async function listed(server: ServerEntry, request: ToolCallRequest): Promise<ReadonlyMap<string, Support>> {
  const found = new Map<string, Support>();
  const signal = AbortSignal.timeout(ANSWER_MS);
  const { headers } = request;
  const { grant } = request.principal;
  let cursor: Json | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const params = cursor === undefined ? '{}' : JSON.stringify({ cursor });
    const { outcome } = await requestServer({ server, grant, headers, method: 'tools/list', params, signal });
    if (outcome.kind !== 'returned') throw new Error(outcome.why);
    const result = member(JSON.parse(new TextDecoder().decode(outcome.response)) as Json, 'result');
    const tools = member(result, 'tools');
    if (!Array.isArray(tools)) throw new Error('it has no list');
    for (const tool of tools as readonly Json[]) {
      const support = member(member(tool, 'execution'), 'taskSupport');
      if (support === 'optional' || support === 'required') found.set(String(member(tool, 'name')), support);
    }
    cursor = member(result, 'nextCursor');
    if (typeof cursor !== 'string') break;
  }
  return found;
}
