import type { Take } from '../../domain/policy/limit.ts';

/** A window's width as `holdfast.window_start` takes it. */
export function windowWidth({ window }: Take): string {
  return 'calendar' in window ? window.calendar : `${window.seconds}s`;
}
