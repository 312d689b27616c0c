import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { canMakeNetworks, inOwnNetwork } from '../../support/faults/far-network.ts';

const SCRIPT = fileURLToPath(import.meta.resolve('../../support/faults/far-listeners.ts'));
/** Milliseconds for which nothing may be acknowledged; a minute in real life. */
const DEAD_MS = 2_000;

test('a GET that nobody acknowledges ends in time; one that lives and the answer to a POST stay', {
  skip: canMakeNetworks() ? false : 'needs root on Linux, and ip',
}, async () => {
  const script = inOwnNetwork(SCRIPT, String(DEAD_MS));
  let said = '';
  script.stdout!.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = await once(script, 'close');
  assert.equal(code, 0, said);
  const { before, after, ms } = JSON.parse(said) as { before: string[]; after: string[]; ms: number };
  assert.deepEqual(before, ['/GET-far', '/GET-near', '/POST-far']);
  assert.deepEqual(after, ['/GET-near', '/POST-far']);
  assert.ok(ms >= DEAD_MS, `after ${Math.round(ms)} ms`);
});
