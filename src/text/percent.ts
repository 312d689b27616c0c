const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Percent-encoded characters decoded once; bytes that are not UTF-8 become U+FFFD. */
export function percentDecoded(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) => {
    const bytes = Uint8Array.from(run.slice(1).split('%'), (hex) => Number.parseInt(hex, 16));
    return UTF8.decode(bytes);
  });
}
