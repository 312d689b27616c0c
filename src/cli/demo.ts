import { demo } from '../main/demo.ts';
import type { Terminal } from '../main/process/terminal.ts';

/** `demo`: 0 when everything went as it should, else 1. */
export function demoCommand(_: object, terminal: Terminal): Promise<number> {
  return demo(terminal);
}
