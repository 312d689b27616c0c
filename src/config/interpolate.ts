import type { Key } from './fault.ts';
import type { FaultList } from './shape.ts';

/** The environment as it was handed in; nothing here reads `process`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const MARK = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|(\$\{)/g;

/**
 * Fills in `${NAME}`; `$${` stays `${`. A name that is not set is a fault: an empty credential would be worse. Without
 * an environment (a check on another machine) the names stay.
 */
export function interpolate(text: string, env: Environment | null, at: readonly Key[], faults: FaultList): string {
  return text.replace(MARK, (all, escaped: string | undefined, name: string | undefined) => {
    if (escaped !== undefined) return '${';
    if (name === undefined) {
      faults.add(at, 'a dollar and a brace are not followed by a name and a brace', 'two dollars to mean one');
      return '';
    }
    if (env === null) return all;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined || value === '') faults.add(at, `${name} is not set`, `${name} in the environment`);
    return value ?? '';
  });
}
