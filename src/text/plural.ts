/** The noun as it stands after a number: `1 fault`, `2 faults`. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

/** A number, its thousands apart, and its noun: `1 line`, `2,000 lines`. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${plural(count, noun)}`;
}
