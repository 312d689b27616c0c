/** The environment, as handed in; nothing in this room reads `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Reports a fault: the setting's name, what is wrong with it, what would be right; never its value. */
export type ReportFault = (name: string, message: string, expected: string) => void;

/** A variable's value; null when it is not set or empty, because `NAME=` in a file of variables means not set. */
export function inEnvironment(env: Environment, name: string): string | null {
  return Object.hasOwn(env, name) && env[name] ? env[name] : null;
}
