#!/usr/bin/env -S node --max-semi-space-size=16
import { processTerminal } from '../main/process/terminal.ts';
import { runCommandLine } from './command-line.ts';

// The HTTP server reports every stream that a client closes on stdout, which belongs to the commands.
console.info = () => undefined;

// A reader that went away (a closed pipe) is no reason to lose work in progress.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
