import { type Fault, faultText } from '../config/document/fault.ts';
import { joined, type Printed, printed, theirLines } from '../text/printed.ts';

/** Faults of files and settings, one a line. */
export function faultLines(faults: readonly Fault[]): Printed {
  return joined(
    faults.map((fault) => printed`${theirLines(faultText(fault))}\n`),
    '',
  );
}
