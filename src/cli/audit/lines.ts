import { createReadStream } from 'node:fs';

/** Bytes read from a file at once. */
const CHUNK = 1 << 20;

/** The lines of a file, or of standard input for `-`. Memory does not grow with the file. Throws where it cannot be read. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const input = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: CHUNK });
  input.setEncoding('utf8');
  let rest = '';
  for await (const chunk of chunksOf(input, path)) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest !== '') yield rest;
}

/** Says in words that the file cannot be read: that is no fault of the log or the evidence. */
async function* chunksOf(input: AsyncIterable<unknown>, path: string): AsyncGenerator<unknown> {
  try {
    yield* input;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Error(`${path} cannot be read (${code}), so nothing was verified`);
  }
}
