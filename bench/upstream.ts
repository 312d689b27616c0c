/**
 * A server that answers every POST with one small tool result, so that its own work hardly counts; with one of as many
 * characters as the argument `answer` says.
 */
import { createServer } from 'node:http';

interface Asked {
  readonly id: number;
  readonly params?: { readonly arguments?: { readonly answer?: number } };
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { id, params } = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
    const text = 'ok'.repeat((params?.arguments?.answer ?? 100) / 2);
    const body = JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }] } });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  });
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${(server.address() as { port: number }).port}\n`));
