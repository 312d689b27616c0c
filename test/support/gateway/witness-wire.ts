import type { Witness } from '../../../src/ports.ts';

const METHODS = ['logOf', 'bind', 'spend', 'correct', 'read', 'keep'] as const;

/** A witness whose methods are asked for as text: dates and infinity survive. */
export function witnessOver(ask: (text: string) => Promise<string>, close: () => Promise<void>): Witness {
  const method =
    (name: string) =>
    async (...args: unknown[]): Promise<never> => {
      const answer = parsed(await ask(written({ name, args }))) as { error?: string; result?: unknown };
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer.result as never;
    };
  const methods = Object.fromEntries(METHODS.map((name) => [name, method(name)]));
  return { name: 'the object’s storage', ...methods, close } as unknown as Witness;
}

/** Asks the witness for what the text says. */
export async function answerPort(witness: Witness, text: string): Promise<string> {
  const { name, args } = parsed(text) as { name: (typeof METHODS)[number]; args: unknown[] };
  try {
    const result = await (witness[name] as (...args: unknown[]) => Promise<unknown>)(...args);
    return written({ result });
  } catch (error) {
    return written({ error: error instanceof Error ? error.message : String(error) });
  }
}

function written(value: unknown): string {
  return JSON.stringify(value, function replace(this: Record<string, unknown>, key, inside: unknown) {
    const original = this[key];
    if (original instanceof Date) return { $date: original.getTime() };
    return inside === Number.POSITIVE_INFINITY ? { $infinity: true } : inside;
  });
}

function parsed(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$date' in value) return new Date(value.$date as number);
    return '$infinity' in value ? Number.POSITIVE_INFINITY : value;
  });
}
