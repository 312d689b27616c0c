/** One line of a diff; `equal` and `at` of a fold: how many equal lines stand there that are not shown. */
export type DiffLine =
  | { readonly mark: ' ' | '-' | '+'; readonly text: string }
  | { readonly mark: '…'; readonly equal: number };

/** A diff of two texts by lines. Every line that differs is in it. */
export interface LineDiff {
  readonly lines: readonly DiffLine[];
  readonly removed: number;
  readonly added: number;
}

/** UTF-16 units of both texts together, lines of each, and lines in which they may differ: beyond these there is no diff. */
export const DIFF_BOUNDS = { units: 128 * 1024, lines: 4_000, changes: 400 } as const;
/** Equal lines that are shown around a change. */
const AROUND = 3;

/**
 * The shortest way from one text to the other by whole lines (Myers 1986), with long equal stretches folded; null: it would
 * be too large. Takes time linear in the lines times `DIFF_BOUNDS.changes` at most. Lines are what stands between line
 * feeds, so that the marked lines, joined, are the texts again.
 */
export function lineDiff(before: string, after: string): LineDiff | null {
  if (before.length + after.length > DIFF_BOUNDS.units) return null;
  const [a, b] = [before.split('\n'), after.split('\n')];
  if (Math.max(a.length, b.length) > DIFF_BOUNDS.lines) return null;
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let same = 0;
  while (same < a.length - start && same < b.length - start && a.at(-1 - same) === b.at(-1 - same)) same++;
  const middle = shortestWay(a.slice(start, a.length - same), b.slice(start, b.length - same));
  if (middle === null) return null;
  const equal = (text: string): DiffLine => ({ mark: ' ', text });
  const all = [...a.slice(0, start).map(equal), ...middle, ...a.slice(a.length - same).map(equal)];
  const count = (mark: DiffLine['mark']): number => middle.filter((line) => line.mark === mark).length;
  return { lines: folded(all), removed: count('-'), added: count('+') };
}

/** Null: more lines differ than is looked for. */
function shortestWay(a: readonly string[], b: readonly string[]): DiffLine[] | null {
  const most = Math.min(a.length + b.length, DIFF_BOUNDS.changes);
  // How far each diagonal is reached: the one of `k` stands at `k + most + 1`.
  const furthest = new Int32Array(2 * most + 3).fill(-1);
  furthest[most + 2] = 0;
  const before: Int32Array[] = [];
  for (let changes = 0; changes <= most; changes++) {
    before.push(furthest.slice(most - changes, most + changes + 3));
    for (let k = -changes; k <= changes; k += 2) {
      const [left, right] = [furthest[k + most]!, furthest[k + most + 2]!];
      let x = k === -changes || (k !== changes && left < right) ? right : left + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest[k + most + 1] = x;
      if (x >= a.length && x - k >= b.length) return walkedBack(a, b, before);
    }
  }
  return null;
}

/** `before`: how far was reached before each change, from the diagonal `-changes - 1` on. */
function walkedBack(a: readonly string[], b: readonly string[], before: readonly Int32Array[]): DiffLine[] {
  const lines: DiffLine[] = [];
  let [x, y] = [a.length, b.length];
  for (let changes = before.length - 1; changes > 0; changes--) {
    const at = (k: number): number => before[changes]![k + changes + 1]!;
    const k = x - y;
    const down = k === -changes || (k !== changes && at(k - 1) < at(k + 1));
    const fromX = at(down ? k + 1 : k - 1);
    const [startX, startY] = down ? [fromX, fromX - k] : [fromX + 1, fromX + 1 - k];
    while (x > startX && y > startY) {
      lines.push({ mark: ' ', text: a[--x]! });
      y--;
    }
    if (down) lines.push({ mark: '+', text: b[--y]! });
    else lines.push({ mark: '-', text: a[--x]! });
  }
  while (x > 0) lines.push({ mark: ' ', text: a[--x]! });
  return lines.reverse();
}

/** Equal lines that are far from any change become one fold; a single one stays. */
function folded(all: readonly DiffLine[]): DiffLine[] {
  const lines: DiffLine[] = [];
  const near = nearAChange(all);
  for (let at = 0; at < all.length; ) {
    let end = at;
    while (end < all.length && !near[end]) end++;
    if (end - at > 1) lines.push({ mark: '…', equal: end - at });
    else if (end < all.length || end > at) lines.push(...all.slice(at, Math.max(end, at + 1)));
    at = Math.max(end, at + 1);
  }
  return lines;
}

function nearAChange(all: readonly DiffLine[]): boolean[] {
  const near = all.map(({ mark }) => mark !== ' ');
  for (const [at, { mark }] of all.entries()) {
    if (mark === ' ') continue;
    for (let by = -AROUND; by <= AROUND; by++) if (at + by >= 0 && at + by < all.length) near[at + by] = true;
  }
  return near;
}
