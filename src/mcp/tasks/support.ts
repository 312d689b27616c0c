import { type Json, member } from '../../domain/json/json.ts';
import type { Clock } from '../../ports.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { readLargeList } from '../relay/large-list.ts';
import { requestServer } from '../upstream/request.ts';
import type { ServerEntry } from '../upstream/server.ts';

/** Whether a server runs a tool as a task, according to its own list (2025-11-25, `execution.taskSupport`). */
export type ToolTaskSupport = 'forbidden' | 'optional' | 'required';

/** Milliseconds for which a server's list counts as current. */
const FRESH_MS = 5 * 60_000;
/** Milliseconds before a server that did not answer is asked again. */
const RETRY_MS = 30_000;
/** Milliseconds that a server may take to answer with all pages of its list. */
const ANSWER_MS = 5_000;
/** Longest page of a list of tools that is looked through, in bytes; of a longer one no tool counts as one for tasks. */
const LONGEST_PAGE = 2 * 1024 * 1024;
/** Most pages of a list that are read. Tools on later pages count as `forbidden`. */
const MOST_PAGES = 50;

interface KnownTools {
  readonly tools: Promise<ReadonlyMap<string, ToolTaskSupport>>;
  readonly until: number;
}

/**
 * Knows which tools their servers run as tasks, from `tools/list` in the agent's own session. This is needed before
 * anybody is asked to approve, because a call that its server is sure to refuse is not worth a person's time, and
 * before the call is stored, because a server that requires tasks must be sent `params.task`. A server's list is
 * fetched at most every five minutes, and only when a gated tool is called.
 */
export class TaskSupport {
  readonly #known = new Map<string, KnownTools>();
  readonly #servers: (name: string) => ServerEntry | undefined;
  readonly #clock: Clock;

  constructor(servers: (name: string) => ServerEntry | undefined, clock: Clock) {
    this.#servers = servers;
    this.#clock = clock;
  }

  /** `forbidden` also where the server does not answer or state it: then the call is not sent as a task. */
  async of(request: ToolCallRequest): Promise<ToolTaskSupport> {
    const server = this.#servers(request.server);
    if (server === undefined) return 'forbidden';
    const now = this.#clock.now().getTime();
    let known = this.#known.get(server.name);
    if (known === undefined || known.until <= now) {
      known = { tools: fetchSupport(server, request), until: now + FRESH_MS };
      this.#known.set(server.name, known);
    }
    try {
      return (await known.tools).get(String(request.params.name)) ?? 'forbidden';
    } catch {
      // A server that does not answer in time must not delay each of its calls.
      const none = { tools: Promise.resolve(new Map()), until: this.#clock.now().getTime() + RETRY_MS };
      if (this.#known.get(server.name) === known) this.#known.set(server.name, none);
      return 'forbidden';
    }
  }
}

/** The support of each tool in the server's list. Throws when the server does not answer with a list. */
async function fetchSupport(
  server: ServerEntry,
  request: ToolCallRequest,
): Promise<ReadonlyMap<string, ToolTaskSupport>> {
  const supportByTool = new Map<string, ToolTaskSupport>();
  const signal = AbortSignal.timeout(ANSWER_MS);
  const { headers } = request;
  const { grant } = request.principal;
  let cursor: Json | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const params = cursor === undefined ? '{}' : JSON.stringify({ cursor });
    const { outcome } = await requestServer({ server, grant, headers, method: 'tools/list', params, signal });
    if (outcome.kind !== 'returned') throw new Error(outcome.why);
    if (outcome.response.byteLength > LONGEST_PAGE) throw new Error('a page of its list is too long');
    const list = await readLargeList(outcome.response, Number.POSITIVE_INFINITY);
    if (list === null) throw new Error('it has no list');
    for (const tool of list.tools) {
      const support = member(member(tool, 'execution'), 'taskSupport');
      if (support === 'optional' || support === 'required') supportByTool.set(String(member(tool, 'name')), support);
    }
    cursor = list.next ?? undefined;
    if (cursor === undefined) break;
  }
  return supportByTool;
}
