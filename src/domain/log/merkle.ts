/**
 * Merkle trees as RFC 9162 defines them (section 2.1), with SHA-256: an entry's leaf is SHA-256(0x00 ‖ entry), a node is
 * SHA-256(0x01 ‖ left ‖ right), and the left half of a tree is the largest power of two that is smaller than its size. An
 * entry here is the 32 octets of an event's hash in the chain.
 */

/** SHA-256 of these octets, 32 octets. */
export type OctetDigest = (octets: Uint8Array) => Uint8Array;

const LEAF = 0;
const NODE = 1;
const HASH = 32;

/** A tree that grows by one entry at a time and keeps only its peaks: memory grows with the logarithm of its size. */
export class GrowingTree {
  readonly #digest: OctetDigest;
  /** The roots of the full trees it consists of, largest first. */
  #peaks: Uint8Array[] = [];
  #size = 0;

  constructor(digest: OctetDigest) {
    this.#digest = digest;
  }

  get size(): number {
    return this.#size;
  }

  /** `entry`: 64 hex digits. */
  push(entry: string): void {
    let node = leafOf(this.#digest, entry);
    for (let n = this.#size; n % 2 === 1; n = (n - 1) / 2) node = nodeOf(this.#digest, this.#peaks.pop()!, node);
    this.#peaks.push(node);
    this.#size += 1;
  }

  /** 64 hex digits; of an empty tree the digest of nothing. */
  root(): string {
    const [last, ...before] = this.#peaks.toReversed();
    if (last === undefined) return hexOf(this.#digest(new Uint8Array()));
    return hexOf(before.reduce((right, left) => nodeOf(this.#digest, left, right), last));
  }

  clear(): void {
    this.#peaks = [];
    this.#size = 0;
  }
}

/** The rows of a tree, leaves first, its root alone in the last. */
export type TreeRows = readonly (readonly Uint8Array[])[];

/** Nodes that are made at a time. */
const STRETCH = 4_000;

/** The tree over these entries, made in steps between which others have a turn. */
export function* treeRows(digest: OctetDigest, entries: readonly string[]): Generator<void, TreeRows> {
  let row: Uint8Array[] = [];
  for (const entry of entries) {
    row.push(leafOf(digest, entry));
    if (row.length % STRETCH === 0) yield;
  }
  const rows = [row];
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let n = 0; n < row.length; n += 2) {
      above.push(n + 1 < row.length ? nodeOf(digest, row[n]!, row[n + 1]!) : row[n]!);
      if (above.length % STRETCH === 0) yield;
    }
    row = above;
    rows.push(row);
  }
  return rows;
}

/** The hashes, as hex, that lead from the entry at `index` to the root (section 2.1.3.1). */
export function inclusionPath(rows: TreeRows, index: number): string[] {
  const path: string[] = [];
  for (const [height, row] of rows.entries()) {
    const at = Math.floor(index / 2 ** height);
    const beside = row[at % 2 === 1 ? at - 1 : at + 1];
    if (beside !== undefined) path.push(hexOf(beside));
  }
  return path;
}

/**
 * The root that this path leads to from the entry at `index` of a tree of `size` entries (section 2.1.3.2); null: no such
 * tree has such a path.
 */
export function rootByPath(
  digest: OctetDigest,
  entry: string,
  { index, size, path }: { readonly index: number; readonly size: number; readonly path: readonly string[] },
): string | null {
  if (!isHash(entry) || !Number.isSafeInteger(index) || !Number.isSafeInteger(size)) return null;
  if (index < 0 || index >= size || path.length > 64) return null;
  let node = leafOf(digest, entry);
  let [at, last] = [index, size - 1];
  for (const beside of path) {
    if (last === 0 || !isHash(beside)) return null;
    if (at % 2 === 1 || at === last) {
      node = nodeOf(digest, octetsOf(beside), node);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else node = nodeOf(digest, node, octetsOf(beside));
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? hexOf(node) : null;
}

const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

function leafOf(digest: OctetDigest, entry: string): Uint8Array {
  const octets = new Uint8Array(1 + HASH);
  octets[0] = LEAF;
  octets.set(octetsOf(entry), 1);
  return digest(octets);
}

function nodeOf(digest: OctetDigest, left: Uint8Array, right: Uint8Array): Uint8Array {
  const octets = new Uint8Array(1 + 2 * HASH);
  octets[0] = NODE;
  octets.set(left, 1);
  octets.set(right, 1 + HASH);
  return digest(octets);
}

function octetsOf(hex: string): Uint8Array {
  const octets = new Uint8Array(HASH);
  for (let n = 0; n < HASH; n += 1) octets[n] = (digit(hex, 2 * n) << 4) | digit(hex, 2 * n + 1);
  return octets;
}

/** The value of a lower-case hex digit. */
function digit(hex: string, at: number): number {
  const code = hex.charCodeAt(at);
  return code < 58 ? code - 48 : code - 87;
}

function hexOf(octets: Uint8Array): string {
  let hex = '';
  for (const octet of octets) hex += octet.toString(16).padStart(2, '0');
  return hex;
}
