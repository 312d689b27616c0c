/** The fields of one server-sent event (HTML Living Standard, 9.2.6). */
export interface SseFields {
  /** Its data lines, joined by line feeds; null when it has none. */
  readonly data: string | null;
  /** null: it has none, or an empty one. */
  readonly id: string | null;
  /** Milliseconds to wait before a reconnection. */
  readonly retryMs: number | null;
}

/** Reads the fields of one event. Like clients, it ignores an id that contains NUL and a retry that is not a number. */
export function fieldsOf(event: string): SseFields {
  const data: string[] = [];
  let id: string | null = null;
  let retryMs: number | null = null;
  for (const line of event.replace(/^\ufeff/, '').split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') data.push(value);
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }
  return { data: data.length === 0 ? null : data.join('\n'), id: id === '' ? null : id, retryMs };
}
