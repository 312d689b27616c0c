/** Crockford's base 32, lower case: no two letters look alike, and job ids and buttons can hold all of them. */
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

/** The prefix, `_` and 26 letters: 48 bits of time, so that ids sort by age, and 80 random bits. */
export function newId(
  prefix: 'ap' | 'ca' | 'jo' | 'ru' | 'di' | 'fz' | 'log' | 'tk' | 'al' | 'sd' | 'ba',
  now: Date,
): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  const tail = Array.from(random, (byte) => LETTERS[byte % 32]).join('');
  return `${firstId(prefix, now)}${tail}`;
}

/** How an id of this time begins: less than every id of a later one. */
export function firstId(prefix: string, at: Date): string {
  let time = at.getTime();
  let head = '';
  for (let place = 0; place < 10; place += 1) {
    head = LETTERS[time % 32] + head;
    time = Math.floor(time / 32);
  }
  return `${prefix}_${head}`;
}
