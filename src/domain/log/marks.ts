/** Characters by which the log names what nobody else should see whole. */
const LENGTH = 12;

/** By which the log names a grant's token: the first 12 hex digits of its SHA-256. */
export function tokenMark(tokenSha256: string): string {
  return tokenSha256.slice(0, LENGTH);
}

/** By which the log names a login of the console: the first 12 characters of its id, a keyed digest. */
export function loginMark(id: string): string {
  return id.slice(0, LENGTH);
}
