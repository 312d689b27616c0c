import { createInterface } from 'node:readline';
import type { ReadStream } from 'node:tty';

/** Asks for a line at the terminal. null: nobody is there to ask, or the person gave up (Ctrl-C, Ctrl-D). */
export async function askLine(
  question: string,
  input: ReadStream,
  say: (text: string) => void,
): Promise<string | null> {
  if (!input.isTTY || !process.stderr.isTTY) return null;
  say(question);
  // The terminal itself shows what is typed.
  const lines = createInterface({ input, terminal: false });
  try {
    return await new Promise<string | null>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(null));
    });
  } finally {
    lines.close();
    input.pause();
  }
}
