import type { Terminal } from '../../main/process/terminal.ts';
import { type Printable, printed } from '../../text/printed.ts';
import { Misuse } from '../parse/misuse.ts';

/** Answers of whoever sits at the terminal; with `--yes`, of nobody. */
export interface Asking {
  /** Yes or no. `standard`: what an empty line means, and `--yes` where that is no yes. */
  agreed(question: Printable, standard: boolean, unasked?: boolean): Promise<boolean>;
  /** A line; null: nobody is asked. */
  line(question: Printable): Promise<string | null>;
  /** A value that is not shown; null: nobody is asked. */
  secret(question: string): Promise<string | null>;
}

/** `yes`: nothing is asked. Where nobody can be asked without it, the first question throws `Misuse`, before anything is changed. */
export function askingAt(terminal: Terminal, yes: boolean): Asking {
  const nobody = (): never => {
    throw new Misuse('nobody can be asked here: give --from with a file or a client, and --yes');
  };
  const line = async (question: Printable): Promise<string> => {
    return (await terminal.askLine?.(printed`${question}`)) ?? nobody();
  };
  return {
    agreed: async (question, standard, unasked = true) => {
      if (yes) return unasked;
      for (;;) {
        const answer = (await line(printed`${question} ${standard ? '[Y/n]' : '[y/N]'} `)).trim().toLowerCase();
        if (answer === '') return standard;
        if (['y', 'yes'].includes(answer)) return true;
        if (['n', 'no'].includes(answer)) return false;
      }
    },
    line: async (question) => (yes ? null : line(question)),
    secret: async (question) => (yes ? null : ((await terminal.askSecret?.(question)) ?? nobody())),
  };
}
