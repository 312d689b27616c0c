/** The allowed word that was probably meant; null when none is close. */
export function nearestWord(word: string, allowed: readonly string[]): string | null {
  const shortened = word.slice(0, 64).toLowerCase();
  let best: { readonly name: string; readonly distance: number } | null = null;
  for (const name of allowed) {
    const distance = edits(shortened, name.toLowerCase());
    if (
      distance <= Math.max(1, Math.floor(name.length / 3)) &&
      distance < (best?.distance ?? Number.POSITIVE_INFINITY)
    ) {
      best = { name, distance };
    }
  }
  return best?.name ?? null;
}

/** Levenshtein distance, where swapping two neighbours counts as one edit. */
function edits(a: string, b: string): number {
  let older: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, older[j - 2]! + 1);
      row.push(least);
    }
    [older, previous] = [previous, row];
  }
  return previous[b.length]!;
}
