import type { Json } from '../../domain/json/json.ts';
import type { LoggedEvent, NewEvent } from '../../domain/log/event.ts';
import { classify } from '../../domain/tool/classify.ts';
import type { SeenTool } from '../../domain/tool/drift.ts';
import { changeOf, type ListedTool, type ToolList, toolListData, toolListOf } from '../../domain/tool/list.ts';
import { type Tool, toolOf } from '../../domain/tool/tool.ts';
import type { Clock, Log } from '../../ports.ts';

/** Tools of one list that the log keeps by name, and of one that is read at all. */
const MOST_KEPT = 500;
const MOST = 10_000;
/** Lists whose next page may still come. */
const MOST_OPEN = 50;
const LONGEST_NAME = 128;
/** Events of one server in one hour that nobody asked for: a server may show each session another list. */
const MOST_TOLD = 10;
const HOUR_MS = 3_600_000;

/** One page of an answer to `tools/list`. */
export interface ListPage {
  /** The cursor it was asked with; null: the first page. */
  readonly cursor: string | null;
  readonly tools: readonly Json[];
  /** Where the list goes on; null: that was all. */
  readonly next: string | null;
}

/** How tools are told from each other; handed in, because the gateway digests nothing itself. */
export interface ToolDigests {
  /** How a tool looks now, to be compared with how it was seen. */
  seenNow(tool: Tool): SeenTool;
  /** SHA-256, in hex. */
  sha256(text: string): string;
}

export interface ToolListsDeps extends ToolDigests {
  readonly clock: Clock;
  readonly log: Log;
  /** The newest `tools.listed` event of a server. */
  latest(server: string): Promise<LoggedEvent | null>;
  note(event: NewEvent): void;
}

interface KnownList {
  list: ToolList | null;
  seenAt: Date | null;
  /** When its newest events were written, in ms. */
  told: number[];
  /** One after the other: two lists at once are not two events. */
  work: Promise<void>;
  /** Lists that were read up to a cursor: what is told of their tools, never the entries, which may be megabytes. */
  readonly open: Map<string, readonly ListedTool[]>;
}

/**
 * What servers say their tools are, learnt from the lists that pass and from asking. A list that differs from the last
 * one is an event, so that every replica and every reviewer knows it, and when it changed.
 */
export class ToolLists {
  readonly #deps: ToolListsDeps;
  readonly #servers = new Map<string, KnownList>();

  constructor(deps: ToolListsDeps) {
    this.#deps = deps;
  }

  /** When this process last saw the server's whole list. */
  seenAt(server: string): Date | null {
    return this.#servers.get(server)?.seenAt ?? null;
  }

  /** One page of an answer as it passed. Pages belong together by their cursors. */
  page(server: string, { cursor, tools, next }: ListPage): void {
    const { open } = this.#known(server);
    const before = cursor === null ? [] : open.get(cursor);
    if (before === undefined) return;
    if (cursor !== null) open.delete(cursor);
    const more = tools.slice(0, MOST - before.length).flatMap((entry) => this.#entry(entry) ?? []);
    const all = [...before, ...more];
    if (next === null) {
      void this.#whole(server, all, 'holdfast');
      return;
    }
    open.set(next, all);
    if (open.size > MOST_OPEN) open.delete(open.keys().next().value!);
  }

  /** A whole list. Resolves when it is known whether it is news; never throws. */
  listed(server: string, tools: readonly Tool[], actor: string): Promise<void> {
    return this.#whole(
      server,
      tools.map((tool) => this.#tool(tool)),
      actor,
    );
  }

  #whole(server: string, tools: readonly ListedTool[], actor: string): Promise<void> {
    const known = this.#known(server);
    known.seenAt = this.#deps.clock.now();
    known.work = known.work
      .then(() => this.#compare(server, known, this.#listOf(tools), actor))
      .catch((error: unknown) => this.#deps.log.warn({ server, err: error }, 'a list of tools could not be compared'));
    return known.work;
  }

  async #compare(server: string, known: KnownList, list: ToolList, actor: string): Promise<void> {
    if (known.list === null) {
      const latest = await this.#deps.latest(server);
      known.list = latest === null ? null : toolListOf(latest.data);
    }
    const was = known.list;
    if (was?.digest === list.digest) return;
    const { note, clock, log } = this.#deps;
    const now = clock.now().getTime();
    known.told = known.told.filter((at) => now - at < HOUR_MS);
    if (actor === 'holdfast' && known.told.length >= MOST_TOLD) {
      log.warn({ server, digest: list.digest }, 'its list of tools changes all the time; this one is not logged');
      return;
    }
    known.told.push(now);
    known.list = list;
    const data = toolListData(list, changeOf(was, list));
    note({ type: 'tools.listed', at: clock.now(), actor, approval: null, server, tool: null, grant: null, data });
  }

  #known(server: string): KnownList {
    const known = this.#servers.get(server) ?? {
      list: null,
      seenAt: null,
      told: [],
      work: Promise.resolve(),
      open: new Map(),
    };
    this.#servers.set(server, known);
    return known;
  }

  #listOf(tools: readonly ListedTool[]): ToolList {
    const all = tools.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    const digest = this.#deps.sha256(JSON.stringify(all)).slice(0, 32);
    return { tools: all.slice(0, MOST_KEPT), count: all.length, digest };
  }

  #entry(entry: Json): ListedTool | null {
    const tool = toolOf(entry);
    return tool === null ? null : this.#tool(tool);
  }

  #tool(tool: Tool): ListedTool {
    const { risk, severity } = classify(tool);
    const look = this.#deps.sha256(JSON.stringify(this.#deps.seenNow(tool))).slice(0, 16);
    return { name: tool.name.slice(0, LONGEST_NAME).toWellFormed().replaceAll('\0', '?'), risk, severity, look };
  }
}
