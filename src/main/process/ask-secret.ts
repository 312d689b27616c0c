import type { ReadStream } from 'node:tty';

/** Longest answer that is taken, in characters. */
const LONGEST = 4_096;

/**
 * Asks for a secret at the terminal, without showing what is typed. null: nobody is there to ask. Rejects when the person
 * gives up (Ctrl-C or Ctrl-D).
 */
export async function askSecret(
  question: string,
  input: ReadStream,
  say: (text: string) => void,
): Promise<string | null> {
  if (!input.isTTY || !process.stderr.isTTY) return null;
  say(question);
  input.setRawMode(true);
  input.setEncoding('utf8');
  try {
    return await typedInto(input);
  } finally {
    input.setRawMode(false);
    input.pause();
    say('\n');
  }
}

/** What is typed until Enter. */
function typedInto(input: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = '';
    const end = (): void => {
      input.off('data', hear);
      input.off('end', giveUp);
    };
    const giveUp = (): void => {
      end();
      reject(new Error('No token was given.'));
    };
    const hear = (chunk: string | Buffer): void => {
      for (const character of String(chunk)) {
        if (character === '\r' || character === '\n') {
          end();
          resolve(typed);
          return;
        }
        if (character === '\u0003' || character === '\u0004') {
          giveUp();
          return;
        }
        if (character === '\u007f' || character === '\b') typed = typed.slice(0, -1);
        else if (character >= ' ' && typed.length < LONGEST) typed += character;
      }
    };
    input.on('data', hear);
    input.once('end', giveUp);
    // Whoever asked before left it paused.
    input.resume();
  });
}
