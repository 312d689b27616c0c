import { readFile } from 'node:fs/promises';
import type { ReadFile } from '../../config/load.ts';

/** Reads a file from disk; null when it cannot be read. */
export const fromDisk: ReadFile = (path) => readFile(path).catch(() => null);
