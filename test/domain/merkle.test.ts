import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { GrowingTree, inclusionPath, rootByPath, treeRows } from '../../src/domain/log/merkle.ts';

const digest = (octets: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(octets).digest());
const entry = (n: number): string => createHash('sha256').update(String(n)).digest('hex');
const entries = (count: number): string[] => Array.from({ length: count }, (_, n) => entry(n));

/** The definition of RFC 9162, section 2.1.1, word by word. */
function rootByDefinition(of: readonly string[]): Buffer {
  const sha = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (of.length === 0) return sha();
  if (of.length === 1) return sha(Buffer.from([0]), Buffer.from(of[0]!, 'hex'));
  let half = 1;
  while (half * 2 < of.length) half *= 2;
  return sha(Buffer.from([1]), rootByDefinition(of.slice(0, half)), rootByDefinition(of.slice(half)));
}

function pathOf(size: number, index: number): string[] {
  const making = treeRows(digest, entries(size));
  for (let step = making.next(); ; step = making.next()) if (step.done) return inclusionPath(step.value, index);
}

function rootOf(of: readonly string[]): string {
  const tree = new GrowingTree(digest);
  for (const one of of) tree.push(one);
  return tree.root();
}

test('P7: a tree that grows has the root that RFC 9162 defines, whatever its size', () => {
  for (let size = 0; size <= 70; size += 1) {
    assert.equal(rootOf(entries(size)), rootByDefinition(entries(size)).toString('hex'), `of ${size} entries`);
  }
});

test('P7: each entry’s path leads to the root, in trees of every size', () => {
  for (let size = 1; size <= 40; size += 1) {
    const root = rootOf(entries(size));
    for (let index = 0; index < size; index += 1) {
      const path = pathOf(size, index);
      assert.equal(rootByPath(digest, entry(index), { index, size, path }), root, `${index} of ${size}`);
    }
  }
});

test('P7: no other entry, place, size or path leads there', () => {
  const of = fc.integer({ min: 1, max: 60 }).chain((size) =>
    fc.record({
      size: fc.constant(size),
      index: fc.nat(size - 1),
      other: fc.nat(200),
      flip: fc.nat(5_000),
    }),
  );
  fc.assert(
    fc.property(of, ({ size, index, other, flip }) => {
      const root = rootOf(entries(size));
      const path = pathOf(size, index);
      const found = (one: string, at: Parameters<typeof rootByPath>[2]): string | null => rootByPath(digest, one, at);
      if (other !== index) {
        assert.notEqual(found(entry(other), { index, size, path }), root);
        assert.notEqual(found(entry(index), { index: other, size, path }), root);
      }
      assert.notEqual(found(entry(index), { index, size, path: [...path, entry(999)] }), root);
      if (path.length > 0) {
        assert.notEqual(found(entry(index), { index, size, path: path.slice(1) }), root);
        const nth = flip % path.length;
        const wrong = path.with(nth, entry(1_000 + flip));
        assert.notEqual(found(entry(index), { index, size, path: wrong }), root);
      }
      assert.equal(found('zz', { index, size, path }), null);
    }),
  );
});
