/** The noun as it stands after a number: `1 fault`, `2 faults`. */
export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}
