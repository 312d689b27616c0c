/** The bytes without the byte order mark that some servers put before JSON; clients drop it, and `JSON.parse` refuses it. */
export function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}
