/** The least that holding can cost: a map in memory. POST /hold waits; POST /approve?id forwards it to the upstream. */
import { Agent, createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';

const target = new URL(process.argv[2]!);
const agent = new Agent({ keepAlive: true });
const held = new Map<string, { body: Buffer; response: ServerResponse }>();

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://x');
  const body = await read(request);
  if (url.pathname === '/hold') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': held\n\n');
    held.set(String((JSON.parse(body.toString()) as { id: number }).id), { body, response });
    return;
  }
  const one = held.get(url.searchParams.get('id') ?? '');
  held.delete(url.searchParams.get('id') ?? '');
  response.end('ok');
  if (!one) return;
  const headers = { 'content-type': 'application/json', 'content-length': one.body.length };
  const onward = send({
    agent,
    host: target.hostname,
    port: target.port,
    path: target.pathname,
    method: 'POST',
    headers,
  });
  onward.on('response', async (answer) =>
    one.response.end(`event: message\ndata: ${(await read(answer)).toString()}\n\n`),
  );
  onward.end(one.body);
});

async function read(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${(server.address() as { port: number }).port}\n`));
