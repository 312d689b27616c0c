import type { Json } from '../../domain/json/json.ts';
import type { LoggedEvent, NewEvent } from '../../domain/log/event.ts';
import { classify } from '../../domain/tool/classify.ts';
import type { SeenTool } from '../../domain/tool/drift.ts';
import { changeOf, type ListedTool, type ToolList, toolListData, toolListOf } from '../../domain/tool/list.ts';
import { hasRoomForReason } from '../../domain/tool/reason-argument.ts';
import { type Tool, toolOf } from '../../domain/tool/tool.ts';
import type { Clock, Log } from '../../ports.ts';
import { cut } from '../../text/cut.ts';
import { Spell } from '../../time/spell.ts';

/** How many tools of one list the log keeps by name. */
const MAX_LOGGED_TOOLS = 500;
/** How many tools of one list are read. */
const MAX_TOOLS = 10_000;
/** How many tools of one page are read at once. */
const MAX_AT_ONCE = 1_000;
/** How many unfinished lists of one server are remembered until their next page comes. */
const MAX_OPEN_LISTS = 50;
/** Longest description that is kept for approvers, in UTF-16 units, and of how many tools of a server. */
const LONGEST_DESCRIPTION = 400;
const MAX_DESCRIBED = 2_000;
/** Longest input schema that is kept for counter-proposals, and all of a server's together, in UTF-16 units. */
const LONGEST_SCHEMA = 32 * 1024;
const MOST_SCHEMAS = 2 * 1024 * 1024;
/** Levels of one that is kept: what reads it may recurse. */
const DEEPEST_SCHEMA = 64;
/** Longest tool name that is kept, in UTF-16 units. */
const LONGEST_NAME = 128;
/** Events about one server in one hour, unless a reviewer asked: a server may show each session another list. */
const MAX_EVENTS_PER_HOUR = 10;
const HOUR_MS = 3_600_000;

/** One page of an answer to `tools/list`. */
export interface ListPage {
  /** The cursor it was asked with; null: the first page. */
  readonly cursor: string | null;
  readonly tools: readonly Json[];
  /** The cursor of the next page; null: this was the last. */
  readonly next: string | null;
}

/**
 * Whether a tool's own schema leaves room for the argument in which an agent says why it calls. `own`: it has one of that
 * name, or takes no other. `unknown`: no list of its server was seen.
 */
export type ReasonRoom = 'free' | 'own' | 'unknown';

/** How tools are compared; passed in, because the gateway makes no digests itself. */
export interface ToolDigests {
  /** How a tool looks now, to be compared with how a policy has seen it. */
  seenNow(tool: Tool): SeenTool;
  /** SHA-256, in hex. */
  sha256(text: string): string;
}

export interface ToolListsDeps extends ToolDigests {
  readonly clock: Clock;
  readonly log: Log;
  /** The newest `tools.listed` event of a server; null: none. */
  latest(server: string): Promise<LoggedEvent | null>;
  note(event: NewEvent): void;
}

/** A long list is read in pieces, so that nobody waits for it. */
type MaybeLater<T> = T | Promise<T>;

interface KnownList {
  list: ToolList | null;
  seenAt: Date | null;
  /** When its events of the last hour were written, in ms since 1970. */
  loggedAt: number[];
  /** Lists are compared one after the other, so that two equal lists at once are one event. */
  work: Promise<void>;
  /** Unfinished lists by their next cursor: what is logged of the tools, not the entries, which may be megabytes. */
  readonly open: Map<string, MaybeLater<readonly ListedTool[]>>;
  /** What the server said of its tools, cut; those that were listed last. */
  readonly descriptions: Descriptions;
  /** Of each tool that was listed, whether it leaves room for the agent's reason. */
  readonly rooms: Map<string, boolean>;
}

interface Descriptions {
  readonly words: Map<string, string>;
  /** Input schemas, as JSON. */
  readonly schemas: Map<string, string>;
  /** UTF-16 units of those. */
  kept: number;
}

/**
 * What tools each server lists, learnt from the answers that pass through and from asking. A list that differs from the
 * last one is logged as an event, so that every replica and every reviewer knows the list and when it changed.
 */
export class ToolLists {
  readonly #deps: ToolListsDeps;
  readonly #servers = new Map<string, KnownList>();

  constructor(deps: ToolListsDeps) {
    this.#deps = deps;
  }

  /** When this process last saw the server's whole list; null: never. */
  seenAt(server: string): Date | null {
    return this.#servers.get(server)?.seenAt ?? null;
  }

  /** The server's own words about a tool, at most 400 characters; null: it said nothing that this process saw. */
  describe(server: string, tool: string): string | null {
    return this.#servers.get(server)?.descriptions.words.get(tool) ?? null;
  }

  /** The tool's input schema as the server listed it last; null: this process saw none, or one that is too long. */
  schema(server: string, tool: string): Json | null {
    const text = this.#servers.get(server)?.descriptions.schemas.get(tool);
    return text === undefined ? null : (JSON.parse(text) as Json);
  }

  /** Where this process has seen no list, the newest one in the log says it. */
  reasonRoom(server: string, tool: string): ReasonRoom | Promise<ReasonRoom> {
    const room = this.#known(server).rooms.get(tool);
    return room === undefined ? this.#loggedRoom(server, tool) : room ? 'free' : 'own';
  }

  async #loggedRoom(server: string, tool: string): Promise<ReasonRoom> {
    const latest = await this.#deps.latest(server);
    const list = latest === null ? null : toolListOf(latest.data);
    const listed = list?.judgedRoom === true ? list.tools.filter(({ name }) => name === tool) : [];
    if (listed.length === 0) return 'unknown';
    return listed.some(({ noRoom }) => noRoom === true) ? 'own' : 'free';
  }

  /** Takes one page of an answer that passed through. Cursors tell which pages belong together. */
  page(server: string, { cursor, tools, next }: ListPage): void {
    const known = this.#known(server);
    const { open } = known;
    const earlier = cursor === null ? [] : open.get(cursor);
    if (earlier === undefined) return;
    if (cursor !== null) open.delete(cursor);
    const all = this.#joined(earlier, tools, known);
    if (next === null) {
      void this.#whole(server, all, 'holdfast');
      return;
    }
    open.set(next, all);
    if (open.size > MAX_OPEN_LISTS) open.delete(open.keys().next().value!);
  }

  /** Takes a whole list. Resolves once it has been compared, and logged if it differs; never rejects. */
  listed(server: string, tools: readonly Tool[], actor: string): Promise<void> {
    return this.#whole(
      server,
      tools.map((tool) => this.#tool(tool, this.#known(server))),
      actor,
    );
  }

  #whole(server: string, tools: MaybeLater<readonly ListedTool[]>, actor: string): Promise<void> {
    const known = this.#known(server);
    known.seenAt = this.#deps.clock.now();
    known.work = known.work
      .then(async () => {
        const all = await tools;
        // Of a tool that is listed twice, either entry may be believed.
        for (const { name, noRoom } of all) if (noRoom === true && known.rooms.has(name)) known.rooms.set(name, false);
        await this.#compare(server, known, this.#listOf(all), actor);
      })
      .catch((error: unknown) => this.#deps.log.warn({ server, err: error }, 'a list of tools could not be compared'));
    return known.work;
  }

  async #compare(server: string, known: KnownList, list: ToolList, actor: string): Promise<void> {
    if (known.list === null) {
      const latest = await this.#deps.latest(server);
      known.list = latest === null ? null : toolListOf(latest.data);
    }
    const previous = known.list;
    if (previous?.digest === list.digest && previous.judgedRoom) return;
    const { note, clock, log } = this.#deps;
    const now = clock.now().getTime();
    known.loggedAt = known.loggedAt.filter((at) => Math.abs(now - at) < HOUR_MS);
    if (actor === 'holdfast' && known.loggedAt.length >= MAX_EVENTS_PER_HOUR) {
      log.warn(
        { server, digest: list.digest },
        'the list of tools of this server changes too often; this change is not logged',
      );
      return;
    }
    known.loggedAt.push(now);
    known.list = list;
    const data = toolListData(list, changeOf(previous, list));
    note({ type: 'tools.listed', at: clock.now(), actor, approval: null, server, tool: null, grant: null, data });
  }

  #known(server: string): KnownList {
    const known = this.#servers.get(server) ?? {
      list: null,
      seenAt: null,
      loggedAt: [],
      work: Promise.resolve(),
      open: new Map(),
      descriptions: { words: new Map(), schemas: new Map(), kept: 0 },
      rooms: new Map(),
    };
    this.#servers.set(server, known);
    return known;
  }

  #listOf(tools: readonly ListedTool[]): ToolList {
    const all = tools.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    const digest = this.#deps.sha256(JSON.stringify(all)).slice(0, 32);
    return { tools: all.slice(0, MAX_LOGGED_TOOLS), count: all.length, digest, judgedRoom: true };
  }

  /** A page after the pages before it. */
  #joined(
    earlier: MaybeLater<readonly ListedTool[]>,
    tools: readonly Json[],
    known: KnownList,
  ): MaybeLater<readonly ListedTool[]> {
    if (earlier instanceof Promise || tools.length > MAX_AT_ONCE) return this.#joinedInPieces(earlier, tools, known);
    const more = tools.slice(0, MAX_TOOLS - earlier.length);
    return [...earlier, ...more.flatMap((entry) => this.#entry(entry, known) ?? [])];
  }

  async #joinedInPieces(
    earlier: MaybeLater<readonly ListedTool[]>,
    tools: readonly Json[],
    known: KnownList,
  ): Promise<readonly ListedTool[]> {
    const all = [...(await earlier)];
    const spell = new Spell();
    for (const entry of tools.slice(0, MAX_TOOLS - all.length)) {
      const listed = this.#entry(entry, known);
      if (listed !== null) all.push(listed);
      await spell.rest();
    }
    return all;
  }

  #entry(entry: Json, known: KnownList): ListedTool | null {
    const tool = toolOf(entry);
    return tool === null ? null : this.#tool(tool, known);
  }

  #tool(tool: Tool, known: KnownList): ListedTool {
    describe(tool, known.descriptions.words);
    keepSchema(tool, known.descriptions);
    const { risk, severity } = classify(tool);
    const look = this.#deps.sha256(JSON.stringify(this.#deps.seenNow(tool))).slice(0, 16);
    const name = tool.name.slice(0, LONGEST_NAME).toWellFormed().replaceAll('\0', '?');
    const hasRoom = hasRoomForReason(tool.inputSchema);
    if (known.rooms.size < MAX_TOOLS || known.rooms.has(name)) known.rooms.set(name, hasRoom);
    return { name, risk, severity, look, ...(hasRoom ? {} : { noRoom: true as const }) };
  }
}

/** Whether a value has more levels. Nothing recurses: a server's list may be nested to any depth. */
function isDeeper(value: Json, levels: number): boolean {
  const rest: (readonly [value: Json, level: number])[] = [[value, 0]];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const [inner, level] = next;
    if (typeof inner !== 'object' || inner === null) continue;
    if (level >= levels) return true;
    for (const each of Object.values(inner) as Json[]) rest.push([each, level + 1]);
  }
  return false;
}

/** Keeps what the server says of the tool, as it says it now. */
function describe({ name, title, description }: Tool, said: Descriptions['words']): void {
  const words = [title, description]
    .map((text) => text?.slice(0, LONGEST_DESCRIPTION + 1).trim() ?? '')
    .filter((text) => text !== '')
    .join(': ');
  said.delete(name);
  if (words !== '' && name.length <= LONGEST_NAME && said.size < MAX_DESCRIBED)
    said.set(name, copyOf(cut(words, LONGEST_DESCRIPTION)));
}

/** The same text in memory of its own, well-formed: the beginning of a long text keeps all of it alive. */
function copyOf(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

/** Keeps the schema as it is now; what was listed longest ago makes room. */
function keepSchema({ name, inputSchema }: Tool, said: Descriptions): void {
  const { schemas } = said;
  said.kept -= schemas.get(name)?.length ?? 0;
  schemas.delete(name);
  if (name.length > LONGEST_NAME || isDeeper(inputSchema, DEEPEST_SCHEMA)) return;
  const text = JSON.stringify(inputSchema);
  if (text.length > LONGEST_SCHEMA) return;
  schemas.set(name, text);
  said.kept += text.length;
  while (said.kept > MOST_SCHEMAS || schemas.size > MAX_DESCRIBED) {
    const [oldest, old] = schemas.entries().next().value!;
    schemas.delete(oldest);
    said.kept -= old.length;
  }
}
