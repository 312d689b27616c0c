import type { Key } from './document/fault.ts';
import type { FaultList } from './document/shape.ts';
import type { ReportFault } from './environment.ts';
import { fileVariable, type SecretSource, secretFrom } from './secret-from.ts';

const MARK = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|(\$\{)/g;

/** Where the values of names come from; `warn` gets what is accepted and dangerous. */
export type NameSource = SecretSource & {
  readonly warn: ReportFault;
  /** Called with each name that is filled in. */
  readonly used?: (name: string) => void;
};

/**
 * Fills in `${NAME}`, from the variable or from the file that `NAME_FILE` names; `$${` becomes `${`. A name that is not
 * set is a fault, because an empty credential would be worse. Without a source (a check on another machine) the names
 * stay as they are.
 */
export function interpolate(text: string, source: NameSource | null, at: readonly Key[], faults: FaultList): string {
  return text.replace(MARK, (all, escaped: string | undefined, name: string | undefined) => {
    if (escaped !== undefined) return '${';
    if (name === undefined) {
      faults.add(at, 'has an unfinished ${', 'a name and }, or $$ for a plain $');
      return '';
    }
    if (source === null) return all;
    let faulty = false;
    const wrong: ReportFault = (variable, message, expected) => {
      faulty = true;
      faults.add(at, `${variable} ${message}`, expected);
    };
    source.used?.(name);
    const value = secretFrom(source, name, wrong, source.warn);
    if (value === null && !faulty) {
      const inFolder = source.folder ? `, or a file ${source.folder}/${name}` : '';
      faults.add(at, `${name} is not set`, `${name} in the environment, or ${fileVariable(name)}${inFolder}`);
    }
    return value ?? '';
  });
}
