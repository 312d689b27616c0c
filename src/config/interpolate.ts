import type { Key } from './document/fault.ts';
import type { FaultList } from './document/shape.ts';

/** The environment, as handed in; nothing in this room reads `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

const MARK = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|(\$\{)/g;

/**
 * Fills in `${NAME}`; `$${` becomes `${`. A name that is not set is a fault, because an empty credential would be
 * worse. Without an environment (a check on another machine) the names stay as they are.
 */
export function interpolate(text: string, env: Environment | null, at: readonly Key[], faults: FaultList): string {
  return text.replace(MARK, (all, escaped: string | undefined, name: string | undefined) => {
    if (escaped !== undefined) return '${';
    if (name === undefined) {
      faults.add(at, 'has an unfinished ${', 'a name and }, or $$ for a plain $');
      return '';
    }
    if (env === null) return all;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined || value === '') faults.add(at, `${name} is not set`, `${name} in the environment`);
    return value ?? '';
  });
}
