import { randomBytes } from 'node:crypto';
import { type Fields, isFields } from '../wire/fields.ts';

/** What a message said at one time. */
export interface MessageVersion {
  readonly text: string;
  readonly blocks: readonly Fields[];
  readonly metadata: Fields | null;
  readonly at: number;
}

/** An app of the workspace that is not the one under test: ids of it and of its bot. */
export interface OtherApp {
  readonly id: string;
  readonly bot: string;
}

/** A message as the stand-in keeps it, with all its versions. */
export interface SlackMessage {
  readonly channel: string;
  readonly ts: string;
  readonly user: string;
  /** The other app that posted it; null: this app, or a person. */
  readonly app: OtherApp | null;
  readonly thread_ts: string | null;
  /** Only this user sees it; null for everybody. */
  readonly ephemeralFor: string | null;
  text: string;
  blocks: readonly Fields[];
  metadata: Fields | null;
  deleted: boolean;
  /** Oldest first; the last one is the current one. */
  readonly versions: MessageVersion[];
}

export interface MessageContent {
  readonly text: string;
  readonly blocks: readonly Fields[];
  readonly metadata: Fields | null;
}

/** All messages of all channels, in order of posting. */
export class Messages {
  readonly all: SlackMessage[] = [];
  readonly #now: () => number;
  #lastMicros = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A new timestamp. Timestamps are ids too, so none is given twice. */
  nextTs(): string {
    this.#lastMicros = Math.max(this.#now() * 1000, this.#lastMicros + 1);
    const seconds = Math.floor(this.#lastMicros / 1_000_000);
    return `${seconds}.${String(this.#lastMicros % 1_000_000).padStart(6, '0')}`;
  }

  post(
    at: { channel: string; user: string; app?: OtherApp; thread_ts?: string | null; ephemeralFor?: string | null },
    content: MessageContent,
  ): SlackMessage {
    const message: SlackMessage = {
      channel: at.channel,
      ts: this.nextTs(),
      user: at.user,
      app: at.app ?? null,
      thread_ts: at.thread_ts ?? null,
      ephemeralFor: at.ephemeralFor ?? null,
      text: '',
      blocks: [],
      metadata: null,
      deleted: false,
      versions: [],
    };
    this.all.push(message);
    this.change(message, content);
    return message;
  }

  change(message: SlackMessage, content: MessageContent): void {
    message.text = content.text;
    message.blocks = withBlockIds(content.blocks);
    message.metadata = content.metadata;
    message.versions.push({ text: message.text, blocks: message.blocks, metadata: message.metadata, at: this.#now() });
  }

  find(channel: string, ts: string): SlackMessage | undefined {
    return this.all.find((message) => message.channel === channel && message.ts === ts && !message.deleted);
  }

  /** The messages of the channel itself: no replies, nothing ephemeral, nothing deleted. */
  inChannel(channel: string): SlackMessage[] {
    return this.all.filter(
      (m) => m.channel === channel && m.thread_ts === null && m.ephemeralFor === null && !m.deleted,
    );
  }

  inThread(channel: string, ts: string): SlackMessage[] {
    return this.all.filter((m) => m.channel === channel && m.thread_ts === ts && m.ephemeralFor === null && !m.deleted);
  }

  ephemeral(user: string, channel?: string): SlackMessage[] {
    return this.all.filter(
      (m) => m.ephemeralFor === user && !m.deleted && (channel === undefined || m.channel === channel),
    );
  }
}

/** Gives an id to every block and every interactive element that has none, as Slack does. */
export function withBlockIds(blocks: readonly Fields[]): readonly Fields[] {
  return blocks.map((block) => {
    const named: Fields = { block_id: shortId(), ...structuredClone(block) };
    if (Array.isArray(named.elements) && block.type === 'actions') named.elements = named.elements.map(withActionId);
    if (isFields(named.accessory)) named.accessory = withActionId(named.accessory);
    if (isFields(named.element)) named.element = withActionId(named.element);
    return named;
  });
}

function withActionId(element: unknown): unknown {
  return isFields(element) ? { action_id: shortId(), ...element } : element;
}

function shortId(): string {
  return randomBytes(4).toString('base64url').slice(0, 5);
}
