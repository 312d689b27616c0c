import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { packCard, unpackCard } from '../../../src/sql/approval/packed-card.ts';
import { finishedCall } from '../../support/store/finished-calls.ts';

/** What the first release that packs cards wrote for this text. */
const FROZEN = {
  text: '[{"type":"header","text":{"type":"plain_text","text":"Approval needed: tools.create_key","emoji":false},"block_id":"r1.0"}]',
  packed: 'AaNSKQRqvRXrJRelgurs7NRKIgqcWAA=',
};

describe('What a card showed, packed', () => {
  test('comes back as it was, whatever it says', () => {
    for (const text of ['', 'x', '\u0000 "\\ 🆕 é', JSON.stringify(['\ud800']), 'a'.repeat(200_000)]) {
      assert.equal(unpackCard(packCard(text)), text);
    }
    assert.equal(unpackCard(packCard('\ud800')), '\ufffd', 'as a column of texts would have it');
  });

  test('takes a fraction of its octets', () => {
    for (const content of finishedCall(7, new Date()).contents) {
      assert.ok(packCard(content).length * 4 < content.length, `${packCard(content).length} of ${content.length}`);
    }
  });

  test('P10: what was packed once is read for ever', () => {
    assert.equal(unpackCard(Buffer.from(FROZEN.packed, 'base64')), FROZEN.text);
    assert.equal(Buffer.from(packCard(FROZEN.text)).toString('base64'), FROZEN.packed);
  });

  test('what no gateway packed is none: another form, a broken one, one that grows without end', () => {
    const good = Buffer.from(packCard('a card'));
    const bomb = Buffer.concat([Buffer.of(1), deflateRawSync(Buffer.alloc(50_000_000))]);
    const foreign = {
      nothing: Buffer.of(),
      'another form': Buffer.concat([Buffer.of(2), good.subarray(1)]),
      bomb,
      'no end': good.subarray(0, -2),
      noise: Buffer.of(1, 255, 255),
    };
    for (const [what, packed] of Object.entries(foreign)) assert.equal(unpackCard(packed), null, what);
  });
});
