import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageBacklog } from '../../../src/mcp/stdio/backlog.ts';
import { LineCutter } from '../../../src/mcp/stdio/lines.ts';

test('lines are cut the same however the chunks fall, and one past the cap ends it', () => {
  const bytes = Buffer.from('{"a":1}\r\n\n{"é":2}\n{"rest"');
  for (let size = 1; size <= bytes.length; size++) {
    const cut = new LineCutter(16);
    const heard: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      assert.ok(cut.push(bytes.subarray(at, at + size), (line) => heard.push(Buffer.from(line).toString())));
    }
    assert.deepEqual(heard, ['{"a":1}', '{"é":2}'], `chunks of ${size}`);
  }
  const cut = new LineCutter(16);
  const never = () => assert.fail('no line was finished');
  assert.ok(cut.push(Buffer.alloc(16, 'x'), never));
  assert.ok(!cut.push(Buffer.from('x'), never));
});

test('what nobody hears is kept within bounds, the server’s own requests longest', () => {
  const backlog = new MessageBacklog();
  assert.equal(backlog.add(Buffer.from('request'), true), 0);
  const dropped = Array.from({ length: 300 }, (_, n) => backlog.add(Buffer.from(`notification ${n}`), false));
  assert.equal(
    dropped.reduce((sum, each) => sum + each, 0),
    45,
  );
  const kept = backlog.take().map((line) => Buffer.from(line).toString());
  assert.deepEqual([kept.length, kept[0], kept[1]], [256, 'request', 'notification 45']);
  backlog.add(Buffer.from('small'), false);
  assert.equal(backlog.add(Buffer.alloc(1024 * 1024), true), 1, 'a full mebibyte leaves room for nothing else');
  assert.equal(backlog.take().length, 1);
  assert.equal(backlog.take().length, 0);
});
