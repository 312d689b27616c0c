/**
 * The files that `npm test` leaves to `npm test -- --all`, and so to CI: matrices over stores, eras and attacks that take
 * most of the time. `npm run check` sees to it that tests of each promise are left. By folder; what is not named here always
 * runs.
 */
const LEFT_TO_ALL: Readonly<Record<string, readonly string[]>> = {
  'contract/audit': ['archive', 'places', 'evidence', 'foreign-events', 'rotation'],
  'contract/queue': ['jobs', 'redis-as-it-is', 'still'],
  'contract/slack': ['adversary'],
  'contract/store': [
    'accepting',
    'freezes',
    'frozen-sets',
    'growth',
    'heavy-log',
    'issued-states',
    'pglite-thread',
    'phrases',
    'room',
    'sealed-tables',
    'settings-of-others',
    'size',
    'swallowed',
    'wrong-servers',
  ],
  'journey/agent': [
    'asked-clients',
    'bad-input',
    'day',
    'exact-numbers',
    'floods',
    'frozen',
    'giving-up',
    'held-edges',
    'joining',
    'legs',
    'lives',
    'methods',
    'questions',
    'repeated-secrets',
    'server-requests',
    'session-openings',
    'slow-connections',
    'socket-writes',
    'waiting',
    'withdrawal',
  ],
  'journey/console': ['browser', 'looking', 'methods', 'moving', 'policies', 'sign-in-link'],
  'journey/faults': [
    'answers-once',
    'chaos-short',
    'ended-passes',
    'false-alarms',
    'forged-cards',
    'forged-paths',
    'forged-rows',
    'forged-sets',
    'hidden-alarms',
    'hidden-events',
    'points',
    'queue-stands',
    'restart',
    'set-clock',
    'silent',
    'two-gateways',
    'went-back',
    'wrong-clock',
  ],
  'journey/operations': [
    'audit',
    'doors',
    'freeze',
    'hostile-bytes',
    'hostile-server',
    'init',
    'least-privilege',
    'own-environment',
    'package',
    'poolers',
    'private-directory',
    'slow-log',
    'start-without-redis',
    'start-words',
    'tls',
    'told-at-terminal',
    'ways-out',
  ],
  'journey/relay': ['bridge', 'governed-clients', 'late-sessions', 'real-servers', 'silent-streams'],
  'journey/slack': [
    'click-storm',
    'home',
    'lost-cards',
    'paths',
    'people',
    'reminders',
    'reroute',
    'standing',
    'stop',
    'token',
  ],
  'journey/tasks': ['gateway', 'long-results', 'upstream', 'upstream-answers'],
  runtime: ['worker'],
};

/** Their paths from the root of the repository. */
export function leftToAll(): string[] {
  return Object.entries(LEFT_TO_ALL).flatMap(([folder, names]) =>
    names.map((name) => `test/${folder}/${name}.test.ts`),
  );
}

/** Whether a test file, by its path from the root of the repository, is left to `--all`. */
export function isLeftToAll(file: string): boolean {
  const [, folder, name] = /^test\/(.+)\/([^/]+)\.test\.ts$/.exec(file) ?? [];
  return folder !== undefined && name !== undefined && (LEFT_TO_ALL[folder]?.includes(name) ?? false);
}
