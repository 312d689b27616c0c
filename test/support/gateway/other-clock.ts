import { fakeTime } from '../installed.ts';

/** For node:test's `skip`. */
export function skipWithoutFakeTime(): string | false {
  if (fakeTime() !== null) return false;
  const why = 'faketime is not installed';
  if (process.env.HOLDFAST_TEST_REQUIRE === 'all') throw new Error(`${why}, and HOLDFAST_TEST_REQUIRE=all`);
  return why;
}

/** What a process is started with so that its clock is so many seconds ahead; negative: behind. */
export function clockAhead(seconds: number): Record<string, string> {
  const library = fakeTime();
  if (library === null) throw new Error('faketime is not installed (Debian: faketime)');
  return { LD_PRELOAD: library, FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}`, DONT_FAKE_MONOTONIC: '1' };
}
