/** A date alone means the start of that day in UTC. Undefined: the text is not a date. */
export function parseInstant(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const date = new Date(text);
  // JavaScript takes 30 February for 2 March; a deadline must not move by itself.
  const sameDay = new Date(text.slice(0, 10));
  return Number.isNaN(date.getTime()) || sameDay.toISOString().slice(0, 10) !== text.slice(0, 10) ? undefined : date;
}
