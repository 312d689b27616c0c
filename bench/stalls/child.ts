/** A stdio server that answers a call with a flood: lines of 60 MB, or millions of short ones. */
import { getPriority, setPriority } from 'node:os';
import { createInterface } from 'node:readline';

setPriority(Math.min(19, getPriority() + 19));

const MB = 1024 * 1024;
type Message = { id?: number; method?: string; params?: { protocolVersion?: string; name?: string } };

/** Writes as the reader takes it. */
const write = (part: string): Promise<void> =>
  new Promise((resolve) => {
    if (process.stdout.write(part)) resolve();
    else process.stdout.once('drain', resolve);
  });
const send = (value: object): Promise<void> => write(`${JSON.stringify(value)}\n`);

async function flood(name: string, id: number): Promise<void> {
  const log = (data: string) => ({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } });
  if (name === 'long_lines') for (let n = 0; n < 4; n += 1) await send(log('x'.repeat(60 * MB)));
  if (name === 'members') {
    const line = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":[${'1,'.repeat(10 * MB)}1]}}\n`;
    for (let n = 0; n < 3; n += 1) await write(line);
  }
  const short = `${JSON.stringify(log('x'))}\n`.repeat(1_000);
  if (name === 'short_lines') for (let n = 0; n < 300; n += 1) await write(short);
  if (name === 'empty_lines') for (let n = 0; n < 60; n += 1) await write('\n'.repeat(MB));
  const data = name === 'long_result' ? 'x'.repeat(40 * MB) : 'ok'.repeat(50);
  await send({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: data }] } });
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line) as Message;
  if (id === undefined) return;
  if (method === 'initialize') {
    const serverInfo = { name: 'flood', version: '1' };
    void send({
      jsonrpc: '2.0',
      id,
      result: { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo },
    });
  } else if (method === 'tools/call') void flood(params?.name ?? '', id);
  else void send({ jsonrpc: '2.0', id, result: {} });
});
