/** What one server-sent event says (HTML Living Standard, 9.2.6). */
export interface SseFields {
  /** Its data lines, joined; null when it has none. */
  readonly data: string | null;
  readonly id: string | null;
  readonly retryMs: number | null;
}

/** Reads the fields of one event. An id that holds NUL, or a retry that is no number, is ignored, as clients do. */
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
