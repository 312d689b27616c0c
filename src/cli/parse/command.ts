import type { Terminal } from '../../main/process/terminal.ts';

/** An option or an operand of a command. `Value` is what the command receives. */
export interface Parameter<Value = unknown> {
  /** `text`: the last one given counts. `list`: every one given counts. */
  readonly kind: 'flag' | 'text' | 'list' | 'operand';
  /** How help writes the value: `<file>`; for an operand also `[files...]`. Empty for a flag. */
  readonly placeholder: string;
  readonly summary: string;
  readonly required: boolean;
  /** Name of an option that cannot be given beside this one. */
  readonly excludes?: string;
  /** Accepted, and not mentioned in help. */
  readonly hidden?: boolean;
  /** The values that there are; several may be given, separated by commas. Absent: any. */
  readonly choices?: readonly string[];
  /** Shown in help as the default. */
  readonly standard?: string;
  /** The command's value, made from what was given; undefined when nothing was. */
  read(given: unknown): Value;
}

/** By name. An option `publicUrl` is written `--public-url`; operands are read in the order of the table. */
export type ParameterTable = Readonly<Record<string, Parameter>>;

/** The parameters that may be missing from the values. */
type OptionalNames<P extends ParameterTable> = {
  [K in keyof P]: undefined extends ReturnType<P[K]['read']> ? K : never;
}[keyof P];

/** What a command with these parameters receives. */
export type ParameterValues<P extends ParameterTable> = {
  readonly [K in Exclude<keyof P, OptionalNames<P>>]: ReturnType<P[K]['read']>;
} & { readonly [K in OptionalNames<P>]?: Exclude<ReturnType<P[K]['read']>, undefined> };

/** Runs a command. Resolves to the exit code; throws `Misuse`, or an error whose message is for the user. */
type RunCommand<Values> = (values: Values, terminal: Terminal) => Promise<number>;

/** One command in the table, or a group of commands when it has nothing to load. */
export interface CommandEntry {
  readonly name: string;
  /** One line, for the overview and as the heading of the command's own help. */
  readonly summary: string;
  /** Further paragraphs for the command's own help; they are broken into lines there. */
  readonly notes: readonly string[];
  readonly takes: ParameterTable;
  readonly commands: readonly CommandEntry[];
  readonly load: (() => Promise<RunCommand<never>>) | null;
  /** It starts programs of others, which must not find secrets in its environment. */
  readonly startsServers?: boolean;
  /** It does nothing but print: without a reader it ends, quietly. Others finish what they do. */
  readonly printsData?: boolean;
}

/** A command. The types see to it that what is loaded takes the values that the table promises. */
export function command<P extends ParameterTable = Record<never, never>>(entry: {
  readonly name: string;
  readonly summary: string;
  readonly notes?: readonly string[];
  readonly takes?: P;
  readonly commands?: readonly CommandEntry[];
  readonly load: () => Promise<RunCommand<ParameterValues<P>>>;
  readonly startsServers?: boolean;
  readonly printsData?: boolean;
}): CommandEntry {
  return { notes: [], takes: {}, commands: [], ...entry };
}

/** Commands under a common name, such as `policy check` and `policy test`. */
export function group(entry: Pick<CommandEntry, 'name' | 'summary' | 'commands'>): CommandEntry {
  return { notes: [], takes: {}, load: null, ...entry };
}

/** A switch: false when it is not given. */
export function flag(summary: string, more: { readonly excludes?: string; readonly hidden?: boolean } = {}) {
  const read = (given: unknown): boolean => given === true;
  return { kind: 'flag', placeholder: '', summary, required: false, read, ...more } satisfies Parameter;
}

/** An option with a value that may be missing. */
export function text(placeholder: string, summary: string) {
  const read = (given: unknown): string | undefined => (typeof given === 'string' ? given : undefined);
  return { kind: 'text', placeholder, summary, required: false, read } satisfies Parameter;
}

/** An option with a value, and the value it has when it is not given. */
export function textOr(standard: string, placeholder: string, summary: string) {
  const read = (given: unknown): string => (typeof given === 'string' ? given : standard);
  return { kind: 'text', placeholder, summary, required: false, standard, read } satisfies Parameter;
}

/** An option that must be given. */
export function requiredText(placeholder: string, summary: string) {
  const read = (given: unknown): string => String(given);
  return { kind: 'text', placeholder, summary, required: true, read } satisfies Parameter;
}

/** An option that may be given several times; an empty list when it is not given. */
export function list(placeholder: string, summary: string, required = false) {
  return { kind: 'list', placeholder, summary, required, read: textsOf } satisfies Parameter;
}

/** One operand, which must be given. */
export function operand(placeholder: string, summary: string) {
  const read = (given: unknown): string => String(given);
  return { kind: 'operand', placeholder, summary, required: true, read } satisfies Parameter;
}

/** Any number of operands; the last of a command. */
export function operands(placeholder: string, summary: string) {
  return { kind: 'operand', placeholder, summary, required: false, read: textsOf } satisfies Parameter;
}

function textsOf(given: unknown): readonly string[] {
  return Array.isArray(given) ? given : [];
}
