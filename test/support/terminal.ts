import type { Terminal } from '../../src/main/process/terminal.ts';
import { Printed } from '../../src/text/printed.ts';

/** A terminal that keeps what a command writes. */
export interface KeptTerminal {
  readonly terminal: Terminal;
  /** Standard output so far. */
  out(): string;
  /** Standard error so far. */
  err(): string;
  /** Both, in the order of writing. */
  said(): string;
}

/** Refuses at run time what is no `Printed`, as the real terminal does. */
export function keptTerminal({ env = {}, cwd = '/' }: Partial<Pick<Terminal, 'env' | 'cwd'>> = {}): KeptTerminal {
  const written: { readonly to: 'out' | 'err'; readonly text: string }[] = [];
  const keep = (to: 'out' | 'err') => (text: Printed) => void written.push({ to, text: Printed.textOf(text) });
  const text = (to: string): string => written.flatMap((one) => (one.to === to ? [one.text] : [])).join('');
  return {
    terminal: {
      out: keep('out'),
      err: keep('err'),
      evidence: (text) => void written.push({ to: 'out', text }),
      screen: false,
      env,
      cwd,
    },
    out: () => text('out'),
    err: () => text('err'),
    said: () => written.map((one) => one.text).join(''),
  };
}
