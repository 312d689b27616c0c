import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NewEvent } from '../../src/domain/log/event.ts';
import { loggedName, loggedUri } from '../../src/domain/log/shown-uri.ts';
import { MethodLog, type MethodNote } from '../../src/gateway/log/method-log.ts';
import { governMethods } from '../../src/gateway/method/govern-methods.ts';
import { policyOf } from '../support/domain/policy.ts';

const URIS: readonly [uri: string, shown: string][] = [
  ['file:///srv/a.txt', 'file:///srv/a.txt'],
  ['https://bob:pw@h/x', 'https://[redacted]@h/x'],
  ['jdbc:pg://bob:pw@h/x', 'jdbc:pg://[redacted]@h/x'],
  ['https:\\\\bob:pw@h', 'https:\\\\[redacted]@h'],
  ['x?token=1&page=2', 'x?token=[redacted]&page=2'],
  ['x?page=2;password=a;b&c=1', 'x?page=2;password=[redacted]&c=1'],
  ['x#access_token=1', 'x#access_token=[redacted]'],
  ['x?to%6ben=1', 'x?to%6ben=[redacted]'],
  ['x?key=1&keyboard=us', 'x?key=[redacted]&keyboard=us'],
  ['x?X-Amz-Signature=1', 'x?X-Amz-Signature=[redacted]'],
  ['https:/u:PW@h/a', 'https:/[redacted]@h/a'],
  ['https:u:PW@h/a', 'https:[redacted]@h/a'],
  ['https:\\u:PW@h/a', 'https:\\[redacted]@h/a'],
  ['ht\ttps:/u:PW@h/a', 'ht\ttps:/[redacted]@h/a'],
  ['https:/\t/u:PW@h/a', 'https:/\t/[redacted]@h/a'],
  ['https://u:PW%40h/a', 'https://[redacted]'],
  ['https:%2F%2Fu:PW@h/a', 'https:[redacted]@h/a'],
  ['postgres://u:P/W@h/a', 'postgres://[redacted]@h/a'],
  ['mysql:u:PW@tcp(h)/db', 'mysql:[redacted]@tcp(h)/db'],
  ['u:PW@tcp(h)/db', 'u:[redacted]@tcp(h)/db'],
  ['jdbc:oracle:thin:u/PW@//h:1521/x', 'jdbc:oracle:thin:[redacted]@//h:1521/x'],
  ['jdbc:sqlserver://h;user=sa;password=PW', 'jdbc:sqlserver://h;user=sa;password=[redacted]'],
  ['odbc:Server=h;Pwd=PW', 'odbc:Server=h;Pwd=[redacted]'],
  ['x;password=PW/a', 'x;password=[redacted]'],
  ['x?to\tken=PW', 'x?to\tken=[redacted]'],
  ['x?token%3DPW&b=1', 'x?[redacted]&b=1'],
  ['x/a%3Ftoken=PW/b?c=1', 'x/a%3Ftoken=[redacted]'],
  ['x/a%253Ftoken%253DPW', 'x/[redacted]'],
  ['x?x=1%26token=PW&y=2', 'x?x=[redacted]&y=2'],
  ['x?%2574oken=PW', 'x?%2574oken=[redacted]'],
  ['x?next=/cb%3Faccess_token%3DPW&b', 'x?next=[redacted]&b'],
  ['x?next=/cb?access_token=PW&b', 'x?next=/cb?access_token=[redacted]&b'],
  ['x?url=https%3A%2F%2Fu%3APW%40h&b', 'x?url=[redacted]&b'],
  ['x?url=https:u:PW@h&b', 'x?url=[redacted]@h&b'],
  ['https%3A%2F%2Fu%3APW%40h%2Fa', '[redacted]'],
  ['x?bearer=PW', 'x?bearer=[redacted]'],
  ['x?sessionid=PW&b', 'x?sessionid=[redacted]&b'],
  ['x?sessionId=PW', 'x?sessionId=[redacted]'],
  ['x;jsessionid=PW', 'x;jsessionid=[redacted]'],
  ['x?PHPSESSID=PW', 'x?PHPSESSID=[redacted]'],
  ['x?accesskey=PW', 'x?accesskey=[redacted]'],
  ['x?userPwd=PW', 'x?userPwd=[redacted]'],
  [`x?a=%${'25'.repeat(9)}20`, 'x?a=[redacted]'],
  ['https://h\\@u:PW@h2/a', 'https://[redacted]@h2/a'],
  ['x?dsn=u:PW@h&b', 'x?dsn=[redacted]@h&b'],
  ['x?dsn=u%3APW%40h&b', 'x?dsn=[redacted]&b'],
  ['x?q={"token":"PW"}&b', 'x?q={"token":[redacted]&b'],
  ['x?q=%7B%22a%22%3A1%2C%22token%22%3A%22PW%22%7D&b', 'x?q=[redacted]&b'],
  ['x?q=token:PW', 'x?q=token:[redacted]'],
  // What is no secret stays, so that the log can be searched.
  ['secret://vault/token:a', 'secret://vault/token:a'],
  ['x?at=10:30&url=https://h/a', 'x?at=10:30&url=https://h/a'],
  ['mailto:bob@h', 'mailto:bob@h'],
  ['https://h/@scope/pkg@1.0', 'https://h/@scope/pkg@1.0'],
  ['https://h:8080/a@b', 'https://h:8080/a@b'],
  ['pkg:npm/foo@1.0', 'pkg:npm/foo@1.0'],
  ['file:///srv/a%20b/100%25?q=a%26b#c', 'file:///srv/a%20b/100%25?q=a%26b#c'],
  ['x?next=%2Fhome%3Fpage%3D2', 'x?next=%2Fhome%3Fpage%3D2'],
  ['x?monkey=1&compass=2&inside=3&side=4&author=5', 'x?monkey=1&compass=2&inside=3&side=4&author=5'],
  ['a\0b\ud800', 'a\ufffdb\ufffd'],
];

describe('What agents do besides calling tools, in the log', () => {
  for (const [uri, shown] of URIS) test(`P8: a URI is logged as ${shown}`, () => assert.equal(loggedUri(uri), shown));

  test('a URI or a name that is cut says so, and how long it was', () => {
    const uri = loggedUri(`file:///${'a'.repeat(5_000)}`);
    assert.ok(uri.length < 2_100);
    assert.match(uri, /… \[cut: 5008 characters\]$/);
    assert.match(loggedUri(`x?token=${'s'.repeat(50_000)}`), /^x\?token=\[redacted\] \[cut: 50008 characters\]$/);
    assert.match(loggedUri(`file:///${'a'.repeat(50_000)}`), /^file:\/\/\/a{2000}/);
    assert.doesNotMatch(loggedUri(`https://u:${'p'.repeat(50_000)}@h/`), /pp/);
    assert.match(loggedName('a'.repeat(300)), /^a{255}… \[cut: 300 characters\]$/);
  });

  test('a long URI of many parts is looked through quickly', () => {
    for (const part of ['=a:', '&a=', ';a%3D', '//a:', '=https:', '%25', 'a:b/', '?x=%2561%3D', ':', '\t']) {
      const before = process.cpuUsage();
      loggedUri(`https://${part.repeat(8_192)}`);
      assert.ok(process.cpuUsage(before).user < 400_000, `${part}: ${process.cpuUsage(before).user} µs`);
    }
  });

  function world() {
    const events: NewEvent[] = [];
    let now = 1_000_000;
    const log = new MethodLog((event) => void events.push(event), { now: () => new Date(now) });
    const note = (more: Partial<MethodNote> = {}): void =>
      log.note({
        type: 'resource.read',
        grant: 'bot',
        server: 'files',
        method: 'resources/read',
        countedAs: 'resources/read',
        denied: null,
        noise: false,
        names: () => ['file:///a'],
        data: { rule: 'default' },
        ...more,
      });
    const times = () => events.reduce((sum, { data }) => sum + (data.grouped === true ? Number(data.times) : 1), 0);
    const later = (ms: number): void => {
      now += ms;
    };
    return { events, log, note, times, later };
  }

  test('ten lines a second, and one that counts the rest with its first and last time', () => {
    const { events, log, note, later, times } = world();
    for (let n = 0; n < 50; n += 1) {
      note({ names: () => [`file:///${n}`] });
      later(10);
    }
    assert.equal(events.length, 10);
    later(600);
    log.flush();
    assert.equal(events.length, 11);
    const { data, at } = events[10]!;
    assert.deepEqual(
      [data.times, data.first, data.last, (data.names as string[]).length, at.toISOString()],
      [40, new Date(1_000_100).toISOString(), new Date(1_000_490).toISOString(), 20, data.last],
    );
    assert.deepEqual([data.moreNames, data.orMore], [20, undefined]);
    note();
    assert.equal(times(), 51);
  });

  test('names beyond those that it counts are not counted as if there were none', () => {
    const { events, log, note, later } = world();
    for (let n = 0; n < 2_000; n += 1) note({ names: () => [`file:///${n}`] });
    later(1_000);
    log.flush();
    const { data } = events.at(-1)!;
    assert.deepEqual([data.times, data.moreNames, data.orMore], [1_990, 980, true]);
  });

  test('the next note ends a second that nobody flushed, and closing the process flushes all', () => {
    const { events, log, note, later, times } = world();
    for (let n = 0; n < 12; n += 1) note();
    later(1_500);
    for (let n = 0; n < 13; n += 1) note();
    assert.equal(events.length, 10 + 1 + 10);
    log.flush();
    assert.equal(times(), 22, 'the second second is not over');
    log.flush(true);
    assert.equal(times(), 25);
  });

  test('everything that one request names is in the log, 16 KiB of names a line, and the lines count', () => {
    const { events, note } = world();
    const uris = Array.from({ length: 1_000 }, (_, n) => `file:///${n}/${'a'.repeat(90)}`);
    note({ names: () => uris });
    const parts = events.map(({ data }) => data.names as string[]);
    assert.deepEqual(parts.flat(), uris);
    assert.ok(parts.length > 1 && parts.every((names) => names.join('').length <= 16 * 1_024));
    assert.ok(
      events.every(({ data }, at) => data.count === 1_000 && data.part === at + 1 && data.parts === parts.length),
    );
    for (let n = 0; n < 20; n += 1) note({ names: () => uris });
    assert.ok(events.length <= 9 + parts.length, `${events.length} lines`);
  });

  test('a line that counts denials says of what they were, so that reviewers find them', () => {
    const { events, log, note } = world();
    const parts = ['resource', 'prompt'] as const;
    for (let n = 0; n < 15; n += 1) for (const denied of parts) note({ type: 'method.denied', denied });
    log.flush(true);
    const counted = events.filter(({ data }) => data.grouped === true);
    assert.deepEqual(
      counted.map(({ data }) => [data.denied, data.times]),
      [
        ['resource', 5],
        ['prompt', 5],
      ],
    );
  });

  test('pings are one line, then one a minute', () => {
    const { events, log, note, later, times } = world();
    const ping = { type: 'method.relayed', method: 'ping', countedAs: 'ping', noise: true, names: () => [] } as const;
    for (let n = 0; n < 59; n += 1) {
      note(ping);
      later(1_000);
      log.flush();
    }
    assert.equal(events.length, 1);
    later(1_000);
    log.flush();
    assert.deepEqual([events.length, times()], [2, 59]);
  });

  test('another grant, server or method has its own lines; invented methods share theirs', () => {
    const { events, note } = world();
    for (let n = 0; n < 10; n += 1) for (const grant of ['a', 'b']) note({ grant });
    assert.equal(events.length, 20);
    for (let n = 0; n < 1_000; n += 1)
      note({ type: 'method.denied', method: `acme/${n}`, denied: 'method', countedAs: null });
    assert.equal(events.length, 30);
  });

  test('however many kinds there are, memory is bounded and no count is lost', () => {
    const { log, note, times } = world();
    for (let n = 0; n < 30_000; n += 1) note({ grant: `g${n % 15_000}` });
    log.flush(true);
    assert.equal(times(), 30_000);
  });

  test('P7: while the log cannot be written only what a session needs to live is relayed', async () => {
    const notes: NewEvent[] = [];
    const methodLog = new MethodLog((event) => void notes.push(event), { now: () => new Date() });
    const journal = { writable: false, recovered: async () => false };
    const rules = { policy: () => policyOf({ default: 'allow' }) };
    const knownFreezes = { over: () => null };
    const gateway = { journal, knownFreezes, methodLog, rules } as unknown as Parameters<typeof governMethods>[0];
    const caller = { principal: { grant: 'bot', owner: null, selfApproval: false }, server: 'files', session: null };
    const asked = (method: string) => [{ method, resources: [], prompts: [], kind: 'request' as const }];
    for (const method of ['resources/read', 'prompts/get', 'tools/list', 'acme/x', 'tasks/get']) {
      assert.deepEqual(await governMethods(gateway, caller, asked(method)), { kind: 'unlogged' });
    }
    for (const method of ['initialize', 'ping', 'notifications/cancelled']) {
      assert.equal((await governMethods(gateway, caller, asked(method))).kind, 'relay');
    }
    assert.deepEqual(notes, []);
  });
});
