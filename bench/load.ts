import { Pool } from 'undici';

export interface LoadTarget {
  readonly url: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly tool: string;
  /** The call's arguments; absent: a few. */
  readonly args?: object;
}

export interface Figures {
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

let ids = 0;

/** A `tools/call` with an id of its own, as an agent sends it. */
export function callBody(tool: string, args: object = { expr: 'up', step: 15 }): string {
  ids += 1;
  return JSON.stringify({ jsonrpc: '2.0', id: ids, method: 'tools/call', params: { name: tool, arguments: args } });
}

export const HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** Makes `calls` calls over `connections` connections, each of which sends the next call once the last is answered. */
export async function load(target: LoadTarget, connections: number, calls: number): Promise<Figures> {
  const pool = new Pool(target.url, { connections, pipelining: 1 });
  const times: number[] = [];
  let left = calls;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const start = performance.now();
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: target.path,
        headers: { ...HEADERS, ...target.headers },
        body: callBody(target.tool, target.args),
      });
      const text = await body.text();
      if (statusCode !== 200 || !text.includes('"okok')) throw new Error(`HTTP ${statusCode}: ${text.slice(0, 300)}`);
      times.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: connections }, one));
  const seconds = (performance.now() - start) / 1_000;
  await pool.close();
  times.sort((a, b) => a - b);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), perSecond: calls / seconds };
}

export function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!;
}

export function median(values: readonly number[]): number {
  return quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
}
