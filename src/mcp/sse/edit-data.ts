/** A `data` field's name, colon and space. A stream may begin with a byte order mark, which clients drop. */
const DATA = /^(\ufeff?data)(?:: ?|$)/;
const LF = 0x0a;
const CR = 0x0d;

/** Characters that decide whether a line is a `data` field: a byte order mark, the name, a colon and a space. */
const LONGEST_FIELD = 7;

/**
 * Replaces the event's data by what `edit` returns for it. Other lines stay as they are. Null when the event has no
 * data or `edit` returns null. Lines of other fields are not copied one by one: an event may consist of very many short
 * lines.
 */
export function editData(event: string, edit: (data: string) => string | null): string | null {
  const data: string[] = [];
  const kept: string[] = [];
  let keptFrom = 0;
  let ending = '';
  let head = '';
  for (let at = 0; at < event.length; ) {
    let end = at;
    while (end < event.length && event.charCodeAt(end) !== LF && event.charCodeAt(end) !== CR) end += 1;
    const crlf = event.charCodeAt(end) === CR && event.charCodeAt(end + 1) === LF;
    const next = Math.min(event.length, end + (crlf ? 2 : 1));
    const first = event.charCodeAt(at);
    const mayBeData = first === 0x64 || first === 0xfeff;
    const field = mayBeData ? DATA.exec(event.slice(at, Math.min(end, at + LONGEST_FIELD))) : null;
    if (field !== null) {
      if (data.length === 0) {
        head = event.slice(0, at);
        ending = event.slice(end, next);
      } else kept.push(event.slice(keptFrom, at));
      data.push(event.slice(at + field[0].length, end));
      keptFrom = next;
    }
    at = next;
  }
  if (data.length === 0) return null;
  const edited = edit(data.join('\n'));
  if (edited === null) return null;
  const dataLines = edited.split('\n').map((line) => `data: ${line}`);
  return `${head}${dataLines.join(ending || '\n')}${ending}${kept.join('')}${event.slice(keptFrom)}`;
}
