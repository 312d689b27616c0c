import type { Log } from '../../ports.ts';
import { cut } from '../../text/cut.ts';
import { inkedFor, type Printed, printed } from '../../text/printed.ts';
import { scrub } from './scrub.ts';

/** Characters of what stands behind the words. */
const LONGEST = 300;

const LEVELS = ['info', 'warn', 'error'] as const;
const INKS = { info: 'dim', warn: 'yellow', error: 'red' } as const;

interface PeopleLogSetting {
  /** The least that is logged, as `HOLDFAST_LOG` has it; what is above error, such as `silent`, logs nothing. */
  readonly level?: string | undefined;
  readonly colour?: boolean;
  readonly now?: () => Date;
}

/** Logs a line for people: the time of day, how bad it is, the words, and what else is known. Secrets are removed. */
export function logForPeople(
  write: (line: Printed) => void,
  { level = 'info', colour = false, now = () => new Date() }: PeopleLogSetting = {},
): Log {
  const least = (LEVELS as readonly string[]).indexOf(level);
  const from = least >= 0 ? least : /^(fatal|silent)$/.test(level) ? LEVELS.length : 0;
  const line =
    (mark: (typeof LEVELS)[number]) =>
    (fields: object, words: string): void => {
      if (LEVELS.indexOf(mark) < from) return;
      const at = now().toTimeString().slice(0, 8);
      write(printed`${at} ${inkedFor({ colour }, INKS[mark], mark.padEnd(5))} ${words}${beside(fields)}`);
    };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

/** ` (why=refused, server=github)`; empty where there is nothing. */
function beside(fields: object): string {
  const known = Object.entries(scrub({ ...fields }) as Record<string, unknown>).filter(
    ([, value]) => value !== undefined,
  );
  if (known.length === 0) return '';
  const texts = known.map(([name, value]) => `${name}=${wordOf(value)}`);
  return ` (${cut(texts.join(', '), LONGEST)})`;
}

function wordOf(value: unknown): string {
  if (value instanceof Error) return value.message;
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message);
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}
