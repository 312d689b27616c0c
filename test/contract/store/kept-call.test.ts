import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shownCall } from '../../../src/sql/table/shown-call.ts';
import { rowSeals } from '../../../src/vault/row-seals.ts';

const rowOf = (text: string) => ({
  arguments: JSON.stringify({ text }),
  sent: '{"params":{},"meta":{},"headers":{}}',
  hidden: '{"byPolicy":0,"byName":0}',
  trace: '{}',
});

test('P7: what is shown of a large call is read once, and only its very own texts pass for it', () => {
  const seals = rowSeals(['a-secret-of-32-characters-at-least']);
  let digested = 0;
  const counting = {
    ...seals,
    digest: (...texts: string[]) => {
      digested += 1;
      return seals.digest(...texts);
    },
  };
  const large = 'x'.repeat(300_000);
  const first = shownCall(counting, rowOf(large));
  const again = shownCall(counting, rowOf(large));
  assert.equal(again.arguments, first.arguments, 'read once');
  assert.equal(digested, 1);

  // As long as it, and other in one character.
  const forged = shownCall(counting, rowOf(`${large.slice(0, -1)}y`));
  assert.notEqual(forged.digest, first.digest);
  assert.deepEqual(forged.arguments, { text: `${large.slice(0, -1)}y` });
  for (const name of ['sent', 'hidden', 'trace'] as const) {
    const changed = shownCall(counting, { ...rowOf(large), [name]: '{"forged":true}' });
    assert.notEqual(changed.digest, first.digest, name);
    assert.deepEqual(changed[name], { forged: true });
  }
  assert.equal(shownCall(counting, rowOf(large)).arguments, first.arguments, 'kept beside the others');

  for (let n = 0; n < 20; n += 1) shownCall(counting, rowOf(`${n}${large}`));
  assert.notEqual(shownCall(counting, rowOf(large)).arguments, first.arguments, 'what was long not used is forgotten');
  const small = [shownCall(counting, rowOf('a')), shownCall(counting, rowOf('a'))] as const;
  assert.notEqual(small[0].arguments, small[1].arguments, 'a small one is not kept');
});
