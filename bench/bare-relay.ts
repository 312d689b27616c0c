/** The least that relaying can cost: a reverse proxy of `node:http` and nothing else. */
import { Agent, createServer, request as send } from 'node:http';

const target = new URL(process.argv[2]!);
const agent = new Agent({ keepAlive: true });
const server = createServer((request, response) => {
  const { host: _host, connection: _connection, ...headers } = request.headers;
  const onward = send({
    agent,
    host: target.hostname,
    port: target.port,
    path: target.pathname,
    method: request.method,
    headers,
  });
  onward.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
});
server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${(server.address() as { port: number }).port}\n`));
