import assert from 'node:assert/strict';
import { posix, win32 } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { evaluate } from '../../src/domain/policy/evaluate.ts';
import { isUnder, type Place, parsePlace } from '../../src/domain/policy/path-under.ts';
import { callOf, faultsOf, policyOf } from '../support/domain/policy.ts';

const placesOf = (...texts: string[]): Place[] =>
  texts.map((text) => {
    const place = parsePlace(text);
    assert.ok(place !== null, text);
    return place;
  });

type Row = [path: string, expected: 'yes' | 'no' | 'unclear'];

const POSIX: Row[] = [
  ['/srv/data', 'yes'],
  ['/srv/data/', 'yes'],
  ['/srv/data/a/b.txt', 'yes'],
  ['/srv//data///a', 'yes'],
  ['/srv/./data/./a', 'yes'],
  ['/srv/data/a/../b', 'yes'],
  ['/srv/data//../b', 'unclear'],
  ['/srv/other/../data/a', 'yes'],
  ['/../srv/data', 'yes'],
  ['/srv/data/a b (1).txt', 'yes'],
  ['/srv/data/100% done.txt', 'yes'],
  ['/srv/data/%41', 'yes'],
  ['/srv/data/it$elf', 'yes'],
  ['/srv/data/a:b', 'yes'],
  ['/srv/data/é', 'yes'],
  ['/srv/data/trailing.', 'yes'],
  ['/srv/data/.hidden', 'yes'],
  ['/srv/data/..a', 'yes'],
  ['file:///srv/data/a', 'yes'],
  ['FILE://localhost/srv/data/a%20b', 'yes'],
  ['file:/srv/data/a', 'yes'],
  ['/srv/database', 'no'],
  ['/srv/data-2/x', 'no'],
  ['/srv', 'no'],
  ['/', 'no'],
  ['/srv/data/..', 'no'],
  ['/srv/data/../../etc/passwd', 'no'],
  ['/srv/data/../data2', 'no'],
  ['/srv/data/a/../../../../../etc', 'no'],
  ['file:///etc/passwd', 'no'],
  // Two readers disagree.
  ['/srv/data/%2e%2e/%2e%2e/etc', 'unclear'],
  ['/srv/data/%252e%252e/x', 'unclear'],
  ['/srv/data/..%2f..%2fetc', 'unclear'],
  ['/srv/data/..%5c..%5cetc', 'unclear'],
  ['/srv/data/..\\..\\etc', 'unclear'],
  ['\\srv\\data', 'unclear'],
  ['/srv/data/%c0%ae%c0%ae/', 'unclear'],
  ['/srv/data/%u002e%u002e/', 'unclear'],
  ['/srv/data/%25252525252e', 'unclear'],
  ['/srv/data/.. /etc', 'unclear'],
  ['/srv/data/.../etc', 'unclear'],
  ['/srv/data/ /a', 'unclear'],
  ['/srv/data/..;/..;/etc', 'unclear'],
  ['/srv/data/..;v=1/x/../../etc', 'unclear'],
  ['/srv/data/%2e%2e;/etc', 'unclear'],
  ['/srv/data/a;b.txt', 'yes'],
  ['/srv;/data', 'unclear'],
  ...['\ufe0f', '\u034f', '\u115f', '\u17b4', '\u2800', '\u00a0', '\u3000', '\u3164'].flatMap((hidden): Row[] => [
    [`/srv/data/.${hidden}./etc`, 'unclear'],
    [`/srv/data/..${hidden}/etc`, 'unclear'],
    [`/srv/data/${hidden}../etc`, 'unclear'],
    [`/srv/data/${encodeURIComponent(`..${hidden}`)}/etc`, 'unclear'],
  ]),
  // Readers that leave out what is not ASCII, or accents.
  ['/srv/data/.\u65e5./.\u65e5./etc/passwd', 'unclear'],
  ['/srv/data/..\u0301/etc', 'unclear'],
  ['/srv/data/..\u00e9/etc', 'unclear'],
  [`/srv/data/${encodeURIComponent('\u65e5..')}/etc`, 'unclear'],
  ['/srv/data/\u65e5/\u65e5/../../etc', 'unclear'],
  ['/srv/data/.\u65e5/../etc', 'unclear'],
  ['/srv/data/\u65e5\u672c/\u7b2c1..2.txt', 'yes'],
  ['/srv/data/caf\u00e9/../th\u00e9', 'yes'],
  ['/srv/data/.\u65e5\u8a18', 'yes'],
  // Readers that take it for a URL.
  ['/srv/data/..?/etc', 'unclear'],
  ['/srv/data/..#a', 'unclear'],
  ['/srv/data/.%2e?', 'unclear'],
  ['/srv/data/what?', 'yes'],
  ['/srv/data/at 3.04\u202fPM.png', 'yes'],
  ['/srv/data/100%', 'yes'],
  ['/srv/data/%zz', 'yes'],
  ['/srv/data/%ff', 'unclear'],
  ['/srv/DATA~1/a', 'unclear'],
  ['/srv/data/SECRET~1.TXT', 'unclear'],
  ['/srv/data/notes~', 'yes'],
  ['/srv/data/a.~1~', 'yes'],
  ['/SRV/data/a', 'unclear'],
  ['/srv/ｄａｔａ/a', 'unclear'],
  ['/srv/data/\u2025/\u2025/etc', 'unclear'],
  ['/srv/data/\uff0e\uff0e/etc', 'unclear'],
  ['/srv/data\u2215..\u2215etc', 'unclear'],
  ['/srv/data/a\u0000.txt', 'unclear'],
  ['/srv/data/a%00.txt', 'unclear'],
  ['/srv/data/a\n', 'unclear'],
  ['/srv/da\u200bta/a', 'unclear'],
  ['/srv/data/\ud800', 'unclear'],
  ['srv/data', 'unclear'],
  ['./a', 'unclear'],
  ['../srv/data', 'unclear'],
  ['a', 'unclear'],
  ['', 'unclear'],
  ['~/a', 'unclear'],
  ['~root/a', 'unclear'],
  [' /srv/data', 'unclear'],
  ['C:\\srv\\data', 'unclear'],
  ['http://host/srv/data', 'unclear'],
  ['file://host/srv/data', 'no'],
  ['file:///srv/data/a?../../etc', 'unclear'],
  ['file:///srv/data/a#/../../../etc', 'unclear'],
  ['file:srv/data', 'unclear'],
  [`/srv/data/${'a/'.repeat(3_000)}`, 'unclear'],
];

for (const [path, expected] of POSIX) {
  test(`under /srv/data: ${expected} for ${JSON.stringify(path).slice(0, 60)}`, () => {
    assert.equal(isUnder(path, placesOf('/srv/data')), expected);
    assert.equal(isUnder(path, placesOf('file:///srv/data/')), expected);
  });
}

const WINDOWS: Row[] = [
  ['C:\\Data\\a.txt', 'yes'],
  ['c:/data/a', 'yes'],
  ['C:\\x\\..\\DATA\\a', 'yes'],
  ['C:\\data.\\a', 'yes'],
  ['C:\\data\\a.txt::$DATA', 'yes'],
  ['file:///C:/data/a', 'yes'],
  ['file:///c|/data/a', 'yes'],
  ['\\\\nas\\share\\a', 'yes'],
  ['//NAS/share/a', 'yes'],
  ['file://nas/share/a', 'yes'],
  ['C:\\data2', 'no'],
  ['C:\\data\\..\\Windows', 'no'],
  ['D:\\data\\a', 'no'],
  ['\\\\nas\\other\\a', 'no'],
  ['C:data', 'unclear'],
  ['\\data\\a', 'unclear'],
  ['/data/a', 'unclear'],
  ['\\\\?\\C:\\data\\a', 'unclear'],
  ['\\\\.\\pipe\\x', 'unclear'],
  ['\\\\nas\\share\\..\\other', 'unclear'],
  ['C:\\DATA~1\\a', 'unclear'],
  ['C:\\data\\nul.txt', 'unclear'],
  ['C:\\data\\.. \\Windows', 'unclear'],
  ['C:\\data\\%2e%2e\\Windows', 'unclear'],
];

for (const [path, expected] of WINDOWS) {
  test(`under C:\\data or \\\\nas\\share: ${expected} for ${JSON.stringify(path)}`, () => {
    assert.equal(isUnder(path, placesOf('C:\\data', '\\\\nas\\share')), expected);
  });
}

const ANYWHERE: Row[] = [
  ['/home/me/.ssh', 'yes'],
  ['/home/me/.ssh/id', 'yes'],
  ['.ssh/id', 'yes'],
  ['~/.ssh/id', 'yes'],
  ['C:\\Users\\me\\.SSH\\id', 'yes'],
  ['C:\\Users\\me\\.ssh.\\id', 'yes'],
  ['/srv/.env', 'yes'],
  ['/srv/.env.local', 'yes'],
  ['/home/me/.config/gh/hosts.yml', 'yes'],
  ['/home/me/.config/other', 'no'],
  ['notes.md', 'no'],
  ['/srv/environment', 'no'],
  ['/srv/my.ssh', 'no'],
  ['/home/me/.ssh/../notes.md', 'no'],
  ['https://example.com/a?b=c', 'no'],
  ['/srv/50% off/$id.tsx', 'no'],
  ['~/notes.md', 'no'],
  ['/home/me/%2essh/id', 'unclear'],
  ['/home/me\\.ssh\\id', 'unclear'],
  ['SSH~1\\id_rsa', 'unclear'],
  ['/Users/u/SSH~1/id_rsa', 'unclear'],
  ['ENV~1', 'unclear'],
  ['ENV~12.LOC', 'unclear'],
  ['\\\\nas\\share\\ENV~1', 'unclear'],
  ['/home/me/.ssh;v=1/id', 'unclear'],
  ['/home/me/.ss\u034fh/id', 'unclear'],
  ['~/notes~draft-1.md', 'no'],
  ['/home/me/.SSH/id', 'unclear'],
  ['/home/me/.ssh /id', 'unclear'],
  ['/srv/.env::$DATA', 'yes'],
  ['/home/me/.s\u200csh/id', 'unclear'],
];

for (const [path, expected] of ANYWHERE) {
  test(`in **/.ssh, **/.env* or **/.config/gh: ${expected} for ${JSON.stringify(path)}`, () => {
    assert.equal(isUnder(path, placesOf('**/.ssh', '**/.env*', '**/.config/gh')), expected);
  });
}

test('in a list for both systems, a path is compared with the places of its own', () => {
  const places = placesOf('/srv/data', 'C:\\data');
  assert.equal(isUnder('/srv/data/a', places), 'yes');
  assert.equal(isUnder('/etc', places), 'no');
  assert.equal(isUnder('C:\\data\\a', places), 'yes');
  assert.equal(isUnder('C:\\Windows', places), 'no');
  assert.equal(isUnder('data', places), 'unclear');
});

test('what is under and what is not, no other reader takes for the opposite', () => {
  const piece = fc.constantFrom(
    ...['srv', 'data', 'etc', 'SRV', '..', '.', '', '...', '.. ', 'a.', '%2e%2e', '%2E.', '%252e%252e', '..%2f', '%2f'],
    ...[
      '..\\',
      '\\',
      '..%5c',
      'a:b',
      '~',
      'C:',
      '\uff0e\uff0e',
      '%u002e',
      '%c0%ae',
      'é',
      'data%20',
      'data ',
      'data%00',
    ],
  );
  const paths = fc
    .tuple(fc.constantFrom('/', '/srv/data/', '/srv/', 'file:///', 'file:///srv/data/', '', '//'), fc.array(piece))
    .map(([start, pieces]) => start + pieces.join('/'));
  const readers: ((path: string) => string)[] = [
    posix.normalize,
    (path) => posix.normalize(path.replaceAll('\\', '/')),
    // Two slashes name a host on Windows, and /srv/data is no place there.
    (path) => win32.normalize(path.replace(/^[\\/]+/, '/')).replaceAll('\\', '/'),
    (path) => posix.normalize(decodeURIComponent(path)),
    (path) => posix.normalize(decodeURIComponent(decodeURIComponent(path)).replaceAll('\\', '/')),
    (path) => posix.normalize(path.normalize('NFKC')),
    (path) => posix.normalize(fileURLToPath(path.startsWith('file:') ? path : new URL(path, 'file:///'))),
  ];
  let [under, beside] = [0, 0];
  fc.assert(
    fc.property(paths, (path) => {
      const said = isUnder(path, placesOf('/srv/data'));
      if (said === 'unclear') return;
      if (said === 'yes') under++;
      else beside++;
      const bare = path.startsWith('file:') ? path.slice('file://'.length) : path;
      for (const read of readers) {
        let place: string;
        try {
          place = read(read === readers.at(-1) ? path : bare).replace(/^\/+/, '/');
        } catch {
          continue;
        }
        assert.equal(/^\/srv\/data(?:\/|$)/.test(place), said === 'yes', `${path} is ${place} to ${read}`);
      }
    }),
    { numRuns: 20_000 },
  );
  assert.ok(under > 100 && beside > 100, `${under} under, ${beside} beside`);
});

test('a path that is unclear meets deny_if and ask_if, and does not meet require', () => {
  const under = { path: 'args.path', op: 'path_under', value: '/srv/data' };
  const policy = policyOf({
    tools: { deny: { deny_if: [under] }, ask: { ask_if: [under] }, need: { require: [under] } },
  });
  const say = (tool: string, path: unknown) => evaluate(policy, callOf(tool, { path } as JsonObject)).kind;
  const kinds = ['/srv/data/a', '/etc', '/srv/data/%2e%2e/x', ['/srv/data'], undefined].map((path) =>
    ['deny', 'ask', 'need'].map((tool) => say(tool, path)),
  );
  assert.deepEqual(kinds, [
    ['deny', 'ask', 'allow'],
    ['allow', 'allow', 'deny'],
    ['deny', 'ask', 'deny'],
    ['deny', 'ask', 'deny'],
    ['deny', 'ask', 'deny'],
  ]);
});

test('a path that can be read in two ways is told so, not that its type is wrong', () => {
  const policy = policyOf({
    default: 'allow',
    tools: { read: { require: [{ path: 'args.path', op: 'path_under', value: ['/srv/data'] }] } },
  });
  for (const [path, told] of [
    ['../etc/passwd', /can be read in more than one way, or not at all; send it absolute and plain/],
    ['/srv/data/%2e%2e/etc', /can be read in more than one way/],
    [['/srv/data'], /has another type/],
  ] as const) {
    const verdict = evaluate(policy, callOf('read', { path } as unknown as JsonObject));
    assert.match(verdict.kind === 'deny' ? verdict.reason : verdict.kind, told);
  }
});

test('a place is an absolute path or **/NAME, and a fault says so', () => {
  for (const value of [
    'data',
    './data',
    '/srv/../data',
    '/srv/*',
    '~/x',
    'C:data',
    '**/*',
    '**/a*b*',
    '**/..',
    '',
    7,
  ]) {
    const faults = faultsOf(
      JSON.stringify({
        version: '1',
        default: 'deny',
        tools: { t: { require: [{ path: 'args.p', op: 'path_under', value: ['/ok', value] }] } },
      }),
      'p.json',
    );
    assert.match(faults.join('\n'), /require\[0\]\.value\[1\]: .*an absolute path/, String(value));
  }
});

test('a long path with every kind of spelling is read in a few milliseconds', () => {
  const places = placesOf('/srv/data', '**/.ssh', '**/.env*');
  const path = `/srv/data/${'%252525é\\.ss/'.repeat(300)}`.slice(0, 4_000);
  const before = process.cpuUsage();
  for (let i = 0; i < 16; i++) isUnder(path, places);
  assert.ok(process.cpuUsage(before).user < 400_000, `${process.cpuUsage(before).user} µs`);
});
