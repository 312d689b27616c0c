#!/usr/bin/env -S node --max-semi-space-size=16
import { processTerminal } from '../main/process/terminal.ts';
import { runCommandLine } from './command-line.ts';

// The HTTP server reports every stream that a client closes on stdout, which belongs to the commands.
console.info = () => undefined;

const terminal = processTerminal();
const exitCode = await runCommandLine(process.argv.slice(2), terminal);
process.exitCode = exitCode;
// Whoever read went away: what is still under way here (a long poll, a download) is for nobody.
void terminal.readerGone?.then(() => process.exit(exitCode));
