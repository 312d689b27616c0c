/** One thing that was looked at. */
export interface DoctorFinding {
  /** `fault`: something does not work. `warn`: it works, and will hurt. */
  readonly level: 'ok' | 'warn' | 'fault';
  /** What was looked at: `database`, `server prometheus`. */
  readonly about: string;
  /** What it means. */
  readonly what: string;
  /** What to do about it; null where all is well. */
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

/** Milliseconds by which two clocks may differ before it is said, and before it is a fault. */
const SKEW_WARN_MS = 2_000;
const SKEW_FAULT_MS = 30_000;

/** `theirs` was read somewhere between `from` and `to` by this machine's clock; all in ms since the epoch. */
export function skewOf(about: string, theirs: number, from: number, to: number): DoctorFinding[] {
  const skew = theirs < from ? from - theirs : Math.max(0, theirs - to);
  if (skew < SKEW_WARN_MS) return [];
  const what = `its clock and this machine's differ by ${(skew / 1_000).toFixed(1)} s: approvals expire and limits turn at odd times`;
  return [(skew < SKEW_FAULT_MS ? warn : fault)(about, what, 'Run NTP (chrony, systemd-timesyncd) on both machines.')];
}

/** Takes the values out of a text that others wrote. */
export function without(text: string, secrets: readonly string[]): string {
  const told = secrets.filter((secret) => secret.length >= 4).sort((a, b) => b.length - a.length);
  return told
    .reduce((words, secret) => words.replaceAll(secret, '…'), text)
    .replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127\./.test(host);
}
