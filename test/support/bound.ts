/**
 * Loaded before a test file: kills its process when the file takes too long, and what it has started with it. The
 * runner's own limit is a timer in the process that hangs, where an endless loop keeps it from firing; this one runs in
 * a thread of its own.
 */
import { isMainThread, Worker } from 'node:worker_threads';

const WATCH = `
  const { readFileSync, readdirSync, writeSync } = require('node:fs');
  const { workerData } = require('node:worker_threads');
  const startedBy = (pid) => {
    try {
      const threads = readdirSync('/proc/' + pid + '/task');
      const texts = threads.map((tid) => readFileSync('/proc/' + pid + '/task/' + tid + '/children', 'utf8'));
      return texts.join(' ').split(' ').filter(Boolean).map(Number).flatMap((child) => [...startedBy(child), child]);
    } catch {
      return [];
    }
  };
  setTimeout(() => {
    writeSync(2, workerData.file + ' did not end within ' + workerData.ms / 1000 + ' s and was stopped\\n');
    for (const pid of [...startedBy(process.pid), process.pid]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {}
    }
  }, workerData.ms);
`;

const ms = Number(process.env.HOLDFAST_TEST_FILE_MS);
if (isMainThread && ms > 0) {
  new Worker(WATCH, { eval: true, workerData: { file: process.argv[1], ms }, execArgv: [] }).unref();
}
