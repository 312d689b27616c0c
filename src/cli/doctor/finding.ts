/** One thing that was checked. */
export interface DoctorFinding {
  /** `fault`: something does not work. `warn`: it works, and will cause trouble. */
  readonly level: 'ok' | 'warn' | 'fault';
  /** What was checked: `database`, `server prometheus`. */
  readonly about: string;
  /** What was found, and what it means. */
  readonly what: string;
  /** What to do about it; null when all is well. */
  readonly remedy: string | null;
}

export const ok = (about: string, what: string): DoctorFinding => ({ level: 'ok', about, what, remedy: null });
export const warn = (about: string, what: string, remedy: string): DoctorFinding => ({
  level: 'warn',
  about,
  what,
  remedy,
});
export const fault = (about: string, what: string, remedy: string): DoctorFinding => ({
  level: 'fault',
  about,
  what,
  remedy,
});

/** Milliseconds that anything outside may take to answer. */
export const ANSWER_MS = 5_000;

/** Milliseconds by which two clocks may differ before it is a warning, and before it is a fault. */
const SKEW_WARN_MS = 2_000;
const SKEW_FAULT_MS = 30_000;

/** `theirs` was read at some time between `from` and `to` by this machine's clock. All in ms since the epoch. */
export function skewOf(about: string, theirs: number, from: number, to: number): DoctorFinding[] {
  const skew = theirs < from ? from - theirs : Math.max(0, theirs - to);
  if (skew < SKEW_WARN_MS) return [];
  const what = `its clock and this machine's differ by ${(skew / 1_000).toFixed(1)} s: deadlines and limits go by the database's, logs and the queue's delays by this machine's`;
  return [(skew < SKEW_FAULT_MS ? warn : fault)(about, what, 'Run NTP (chrony, systemd-timesyncd) on both machines.')];
}

/** Removes secrets and control characters from a text that somebody else wrote. */
export function without(text: string, secrets: readonly string[]): string {
  const known = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return known
    .reduce((clean, secret) => clean.replaceAll(secret, '…'), text)
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127\./.test(host);
}
