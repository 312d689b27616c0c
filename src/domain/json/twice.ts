/** A text, perhaps a member's name; or where an object or a list begins or ends. */
const PARTS = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;

/** Whether a text of good JSON has an object with the same member twice, of which two readers could take either. */
export function hasMemberTwice(text: string): boolean {
  const within: (Set<string> | null)[] = [];
  for (const [part, colon] of text.matchAll(PARTS)) {
    if (part === '{') within.push(new Set());
    else if (part === '[') within.push(null);
    else if (part === '}' || part === ']') within.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(part.slice(0, -colon.length)) as string;
      const names = within.at(-1);
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}
