import { parse, stringify } from 'yaml';
import { parseDuration } from '../../src/config/document/duration.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * How long an hour of the day takes here. Everything that a person or a policy counts in hours is shortened alike; what the machine does takes as
 * long as ever, and so seems slower.
 */
export class Pace {
  readonly #hourMs: number;

  constructor(hourMs: number) {
    this.#hourMs = hourMs;
  }

  /** Real milliseconds of a part of the day. */
  ms(ofDayMs: number): number {
    return (ofDayMs / HOUR_MS) * this.#hourMs;
  }

  /** The reverse: seconds of the day. */
  daySeconds(realMs: number): number {
    return ((realMs / this.#hourMs) * HOUR_MS) / 1_000;
  }

  /** Whole minutes, as allowances and standing denials have them: the next whole one. */
  minutes(ofDay: number): number {
    return Math.max(1, Math.ceil(this.ms(ofDay * MINUTE_MS) / MINUTE_MS));
  }

  /** A rate a minute of the day, as a rate a minute here. */
  perMinute(count: number): string {
    return `${Math.ceil((count * HOUR_MS) / this.#hourMs)}/minute`;
  }

  duration(text: string): string {
    const ms = parseDuration(text);
    if (ms === null) throw new Error(`${text} is no duration.`);
    return `${Math.max(1, Math.round(this.ms(ms)))}ms`;
  }

  /** A policy file with its time-outs and the minutes of its allowances at this pace. It has no limits, whose windows are those of the clock. */
  policy(text: string): string {
    const policy = parse(text) as PolicyFile;
    for (const { limits, approval } of Object.values(policy.tools)) {
      if (limits !== undefined) throw new Error('A window of a limit cannot be shortened.');
      if (approval.timeout !== undefined) approval.timeout = this.duration(approval.timeout);
      if (approval.allowance) approval.allowance.max_minutes = this.minutes(approval.allowance.max_minutes);
    }
    return stringify(policy);
  }
}

interface PolicyFile {
  readonly tools: Record<
    string,
    { readonly limits?: unknown; readonly approval: { timeout?: string; allowance?: { max_minutes: number } } }
  >;
}
