import { createReadStream } from 'node:fs';

/** Bytes read from a file at once. */
const CHUNK = 1 << 20;

/** The lines of a file, or of standard input for `-`. Memory does not grow with the file. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const input = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK });
  input.setEncoding('utf8');
  let rest = '';
  for await (const chunk of input) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}
