/** A name that can stand in a path without quotes. */
const ASCII_NAME = /^[A-Za-z_$][\w$-]*$/;
const PLAIN_NAME = /^[\p{L}_$][\p{L}\p{N}_$-]*$/u;

/** The path of an object's member: `options.force`, `meta["acme.com/tenant"]`. Not yet safe to show. */
export function memberPath(path: string, name: string): string {
  if (!ASCII_NAME.test(name) && !PLAIN_NAME.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}
