/** UTF-16 units that there are. */
const UNITS = 0x1_0000;

let folded: Uint16Array | null = null;

/**
 * The unit that stands for this one whatever the case of its letter is: of a capital letter the small one, of everything
 * else itself.
 */
export function anyCase(unit: number): number {
  if (unit < 0x80) return unit >= 0x41 && unit <= 0x5a ? unit | 0x20 : unit;
  folded ??= Uint16Array.from({ length: UNITS }, (_, each) => small(each));
  return folded[unit]!;
}

/** Letters whose small form takes several units, or other letters, stay. */
function small(unit: number): number {
  const text = String.fromCharCode(unit).toLowerCase();
  return text.length === 1 ? text.charCodeAt(0) : unit;
}

/** The text, as `anyCase` reads it. */
export function inAnyCase(text: string): string {
  const lower = text.toLowerCase();
  // Where a letter takes several units, all of them stay, so that both readings have the same length.
  return lower.length === text.length ? lower : text;
}
