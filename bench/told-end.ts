/**
 * What it costs to watch a relayed stream for its end (`ToldEnd`): a tool call whose server answers by a stream of one event,
 * through the agents' door over HTTP, with and without, in turns in one run. Measured is the time of the processor, agent and server included: a
 * busy machine changes it little. `node bench/told-end.ts [ROUNDS]`
 */
import { Agent, createServer, request } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { ToldEnd } from '../src/mcp/relay/told-end.ts';
import { httpUpstream } from '../src/mcp/upstream/http.ts';
import { servedDoor } from '../test/support/relay/served-door.ts';

const ROUNDS = Number(process.argv[2] ?? 40);
/** Calls of one turn, one after the other, as one agent makes them. */
const CALLS = 250;
const CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"look","arguments":{}}}';
const ANSWER = `event: message\ndata: {"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"${'x'.repeat(400)}"}]}}\n\n`;

const server = createServer((_, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(ANSWER);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const { port } = server.address() as { port: number };
const upstream = httpUpstream({ url: `http://127.0.0.1:${port}/mcp` });
const entry = { name: 'tools', upstream, headers: {}, isHidden: () => false, inspectsLists: false };
const door = await servedDoor([entry], { alreadySent: RESPONSE_ALREADY_SENT });
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const headers = {
  authorization: 'Bearer alice',
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
};

function call(): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(door.url('tools'), { method: 'POST', agent, headers }, (answer) => {
      answer.resume().on('end', resolve).on('error', reject);
    });
    sent.on('error', reject).end(CALL);
  });
}

const { push, end } = ToldEnd.prototype;
const turns = {
  with: () => Object.assign(ToldEnd.prototype, { push, end }),
  without: () => Object.assign(ToldEnd.prototype, { push: (chunk: Uint8Array) => [chunk], end: () => [] }),
};
const times: Record<keyof typeof turns, number[]> = { with: [], without: [] };
for (let round = -3; round < ROUNDS; round++) {
  const order = round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const);
  for (const name of order) {
    turns[name]();
    const from = process.cpuUsage();
    for (let n = 0; n < CALLS; n++) await call();
    const { user, system } = process.cpuUsage(from);
    if (round >= 0) times[name].push((user + system) / CALLS);
  }
}
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
const ratios = median(times.with.map((value, round) => value / times.without[round]!));
console.log(
  `with ${median(times.with).toFixed(0)} µs, without ${median(times.without).toFixed(0)} µs a call; median ratio ${ratios.toFixed(3)}`,
);
agent.destroy();
await door[Symbol.asyncDispose]();
server.closeAllConnections();
server.close();
