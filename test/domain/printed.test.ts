import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { processLog } from '../../src/main/process/log.ts';
import { Printed, printed, printedJson, theirLines } from '../../src/text/printed.ts';
import { answering, HOSTILE, HOSTILE_MARK, OBEYED } from '../support/hostile.ts';
import { sources, textOf } from '../support/house.ts';
import { keptTerminal } from '../support/terminal.ts';

describe('what a command prints', () => {
  test('our words and line breaks stay; a value controls, hides and reorders nothing, and begins no line', () => {
    const said = String(printed`one ${HOSTILE}\ntwo\n`);
    assert.deepEqual(said.match(/\n/g)?.length, 2);
    assert.doesNotMatch(said.replaceAll('\n', ''), OBEYED);
    assert.ok(said.startsWith('one \\u001b]8;;http://evil\\u0007'), said);
  });

  test('of several lines that somebody else wrote, none passes for one of ours', () => {
    const said = String(printed`holdfast: ${theirLines('bad\nFITS: events 1 to 9\r\nok')}\n`);
    assert.equal(said, 'holdfast: bad\n  FITS: events 1 to 9\\u000d\n  ok\n');
  });

  test('JSON parses to the same value, and is safe to look at', () => {
    const value = { [HOSTILE]: [HOSTILE, '\ud800', 'é 日本 😀', 7] };
    for (const said of [String(printedJson(value)), String(printedJson(value, 2))]) {
      assert.doesNotMatch(said.replaceAll('\n', ''), OBEYED);
      assert.deepEqual(JSON.parse(said), value);
    }
  });

  test('a terminal that is handed a plain string in spite of its type refuses it', () => {
    assert.throws(() => Printed.textOf('plain' as never), TypeError);
  });

  test('the process’s log says what servers and errors say with escapes, in lines that are the same JSON', () => {
    const lines: string[] = [];
    processLog('info', { write: (line) => void lines.push(line) }).warn({ why: HOSTILE, err: new Error(HOSTILE) }, 'm');
    assert.equal(lines.length, 1);
    assert.doesNotMatch(lines[0]!.replace(/\n$/, ''), OBEYED);
    assert.equal(JSON.parse(lines[0]!).why, HOSTILE);
  });
});

describe('the structure: nothing but Printed reaches a terminal', () => {
  const MAY_WRITE = ['src/main/process/terminal.ts'];
  /** They make lines of our own. */
  const MAY_LAY_OUT = [
    'src/cli/command-line.ts',
    'src/cli/completion/completion.ts',
    'src/cli/grant/new.ts',
    'src/cli/oversight.ts',
    'src/cli/policy/suggest.ts',
    'src/text/printed.ts',
  ];
  const files = sources('src').map((file) => ({ file, text: textOf(file) }));

  test('only the terminal itself writes to standard output and standard error', () => {
    const writers = files.filter(({ text }) =>
      /process\.std(?:out|err)\.write|console\.(?:log|error|warn|info|debug|dir|table|trace)\(/.test(text),
    );
    assert.deepEqual(
      writers.map(({ file }) => file).filter((file) => !MAY_WRITE.includes(file)),
      // On Workers there is no terminal: both print JSON and escape it first.
      ['src/main/boot-worker.ts', 'src/main/workerd/console-log.ts'],
    );
  });

  test('nobody forges a Printed, and whole texts keep their line breaks only where they are ours', () => {
    const forged = files.filter(({ text }) => /as (?:unknown as )?Printed\b/.test(text));
    assert.deepEqual(forged, []);
    const laidOut = files.filter(({ text }) => /\bownLines\(/.test(text)).map(({ file }) => file);
    assert.deepEqual(laidOut, MAY_LAY_OUT);
  });

  test('evidence is written as it is by the export and by the evidence of one decision alone', () => {
    const raw = files.filter(({ text }) => /\.evidence\(/.test(text)).map(({ file }) => file);
    assert.deepEqual(raw.sort(), ['src/cli/audit/evidence.ts', 'src/cli/audit/export.ts']);
  });
});

const COMMANDS = [
  ['approvals', 'list'],
  ['approvals', 'show', 'apr_1'],
  ['approvals', 'approve', 'apr_1', '--fingerprint', 'f'],
  ['approvals', 'deny', 'apr_1'],
  ['audit', 'list'],
  ['audit', 'key'],
  ['approvals', 'list', '--json'],
  ['approvals', 'show', 'apr_1', '--json'],
  ['approvals', 'deny', 'apr_1', '--json'],
  ['audit', 'list', '--json'],
];

describe('a gateway that answers with hostile text', () => {
  for (const words of COMMANDS) {
    for (const [kind, { status, body }] of Object.entries(answering(words.includes('list')))) {
      test(`${words.join(' ')}: ${kind}`, async () => {
        const { said, code } = await ask(words, status, body);
        assert.doesNotMatch(said.replaceAll('\n', ''), OBEYED, said);
        for (const line of said.split('\n')) assert.ok(!line.startsWith(HOSTILE_MARK), `it began a line: ${line}`);
        if (kind !== 'an answer') assert.notEqual(code, 0, `exit code 0 for ${kind}: ${said}`);
        else assert.equal(code, 0, said);
        if (kind === 'an answer' && words.includes('--json'))
          for (const line of said.trim().split('\n')) JSON.parse(line);
      });
    }
  }
});

async function ask(words: readonly string[], status: number, body: string) {
  const { terminal, said } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: 't' } });
  const { createServer } = await import('node:http');
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    const code = await runCommandLine([...words, '--url', `http://127.0.0.1:${port}`], terminal);
    return { code, said: said() };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
