/**
 * A stdio server that writes exactly the bytes it is told to, and repeats the exact lines it read; every tool's result
 * is these lines, in base64. With the argument `stubborn` it does not end with its stdin.
 */
let rest = Buffer.alloc(0);
const heard: string[] = [];

function reply(id: unknown, result: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
}

process.stdin.on('data', (chunk: Buffer) => {
  rest = Buffer.concat([rest, chunk]);
  for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
    const line = rest.subarray(0, end);
    rest = rest.subarray(end + 1);
    heard.push(line.toString('base64'));
    take(JSON.parse(line.toString()));
  }
});

function take({ id, method, params }: { id?: unknown; method?: string; params?: Record<string, unknown> }): void {
  if (method === 'initialize') {
    reply(id, { protocolVersion: params!.protocolVersion, capabilities: {}, pid: process.pid });
  }
  if (method === 'ping') reply(id, {});
  if (method === 'heard') reply(id, { heard });
  if (method === 'tools/call') reply(id, { content: [{ type: 'text', text: JSON.stringify(heard) }] });
  if (method === 'env') reply(id, { env: process.env, cwd: process.cwd() });
  if (method === 'flood') {
    for (let n = 0; n < Number(params!.times); n++) process.stdout.write(`${params!.line}\n`);
  }
  if (method === 'say' || method === 'notifications/say') {
    process.stdout.write(Buffer.from(String(params!.bytes), 'base64'));
  }
  if (method === 'die') process.exit(3);
}

if (process.argv[2] === 'stubborn') {
  const parent = process.ppid;
  // It outlives its stdin, and not its gateway.
  setInterval(() => {
    if (process.ppid !== parent) process.exit();
  }, 500);
}
process.stderr.write('a secret that stays here');
