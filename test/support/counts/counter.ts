import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CountedWrite } from './preload.ts';

export type { CountedWrite } from './preload.ts';

/** Counts the socket writes of one gateway, from within. */
export interface WriteCounter {
  /** What the gateway is to be started with. */
  readonly env: Readonly<Record<string, string>>;
  /** Its writes since the last time, in order. */
  take(): Promise<readonly CountedWrite[]>;
}

let made = 0;

export function writeCounter(): WriteCounter {
  made += 1;
  /** Texts of statements whose plans are kept: later only their names are sent. */
  const kept = new Map<string, string>();
  const named = (write: CountedWrite): CountedWrite => {
    const [, name, text] = /(holdfast_[0-9a-f]{32})\0(\/\* kept \*\/[^\0]*)?/.exec(write.begins) ?? [];
    if (name === undefined) return write;
    if (text !== undefined) kept.set(name, text);
    return text === undefined && kept.has(name) ? { ...write, begins: `${write.begins}\0${kept.get(name)}` } : write;
  };
  const at = join(tmpdir(), `holdfast-writes-${process.pid}-${made}.sock`);
  const preload = new URL('./preload.ts', import.meta.url);
  preload.searchParams.set('at', at);
  return {
    env: { NODE_OPTIONS: `--import=${preload.href}` },
    take: async () => {
      let text = '';
      for await (const chunk of connect(at).setEncoding('utf8')) text += chunk;
      return (JSON.parse(text) as CountedWrite[]).map(named);
    },
  };
}
