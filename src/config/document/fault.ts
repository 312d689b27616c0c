/** One thing that is wrong with a file or a setting: where it is, what is wrong, and what would be right. */
export interface Fault {
  /** The file as it was named, or `environment`. */
  readonly file: string;
  /** Counted from 1; 0 where there is no line. */
  readonly line: number;
  readonly column: number;
  /** `tools.create_api_key.limits[0].max`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  readonly expected: string | null;
}

/** A step into a document: a key or an index. */
export type Key = string | number;

/** `tools.create_api_key.limits[0].max`; `tools["a b"]` for a key that holds a space, a dot, a bracket or a quote. */
export function pathText(path: readonly Key[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[^\s.[\]"]+$/.test(key)) text += text === '' ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** `file:line:column: path: message (expected …)`, the form that editors jump to. */
export function faultText(fault: Fault): string {
  const where = fault.line > 0 ? `${fault.file}:${fault.line}:${fault.column}` : fault.file;
  const path = fault.path === '' ? '' : ` ${fault.path}:`;
  const expected = fault.expected === null ? '' : ` (expected ${fault.expected})`;
  return `${where}:${path} ${fault.message}${expected}`;
}
