import { Agent, type IncomingMessage, request } from 'node:http';
import { callBody, HEADERS } from './load.ts';

const agent = new Agent({ keepAlive: false, maxSockets: Number.POSITIVE_INFINITY });

/** A held call: `opened` resolves once its answer has begun, `answered` with the text that holds the result. */
export interface Held {
  readonly id: number;
  readonly opened: Promise<void>;
  readonly answered: Promise<string>;
  drop(): void;
}

export function hold(url: string, headers: Record<string, string>, tool: string, args: object): Held {
  const body = callBody(tool, args);
  const opened = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<string>();
  answered.promise.catch(() => undefined);
  const sent = request(
    url,
    { method: 'POST', agent, headers: { ...HEADERS, ...headers } },
    (answer: IncomingMessage) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => {
        opened.resolve();
        text += chunk.toString();
        if (/"id":\d+,"(result|error)"|"(result|error)":.*"id":/.test(text)) answered.resolve(text);
      });
      answer.on('close', () => answered.reject(new Error('closed')));
    },
  );
  sent.on('error', (error) => {
    opened.reject(error);
    answered.reject(error);
  });
  sent.end(body);
  const { id } = JSON.parse(body) as { id: number };
  return { id, opened: opened.promise, answered: answered.promise, drop: () => sent.destroy() };
}
