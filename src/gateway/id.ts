/** Crockford's base 32, lower case: no two letters look alike, and job ids and buttons can hold all of them. */
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';

/** The prefix, `_` and 26 letters: 48 bits of time, so that ids sort by age, and 80 random bits. */
export function newId(
  prefix: 'ap' | 'ca' | 'jo' | 'ru' | 'di' | 'fz' | 'log' | 'tk' | 'al' | 'sd' | 'ba',
  now: Date,
): string {
  if (used === random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  let id = firstId(prefix, now);
  for (const end = used + 16; used < end; used += 1) id += LETTERS[random[used]! % 32];
  return id;
}

/** Random bytes for the next ids: asking for a few at a time takes longer than all else here. */
const random = new Uint8Array(64 * 16);
let used = random.length;

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
