import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isQuiet, isZone } from '../../src/domain/policy/quiet.ts';

const NIGHT = { from: '22:00', to: '07:00', zone: 'Europe/Berlin' };
const NOON = { from: '12:00', to: '13:30', zone: 'Asia/Kolkata' };
/** Begins in the hour that Berlin's clocks leap over in March, and show twice in October. */
const SMALL = { from: '02:30', to: '04:00', zone: 'Europe/Berlin' };

describe('Quiet hours are what the clocks of their zone show', () => {
  const CASES: readonly [what: string, hours: typeof NIGHT, at: string, quiet: boolean][] = [
    ['begin at the minute', NIGHT, '2026-11-30T21:00:00Z', true],
    ['have not begun a second before', NIGHT, '2026-11-30T20:59:59.999Z', false],
    ['go over midnight', NIGHT, '2026-11-30T23:30:00Z', true],
    ['are over at the minute', NIGHT, '2026-12-01T06:00:00Z', false],
    ['last until the second before', NIGHT, '2026-12-01T05:59:59Z', true],
    ['begin an hour earlier by UTC in summer', NIGHT, '2026-07-01T20:00:00Z', true],
    ['and end an hour earlier', NIGHT, '2026-07-01T05:00:00Z', false],
    ['lie within a day', NOON, '2026-11-30T06:30:00Z', true],
    ['and are over in the afternoon', NOON, '2026-11-30T08:00:00Z', false],
    ['have not begun before clocks leap over their beginning', SMALL, '2026-03-29T00:59:59Z', false],
    ['begin after that leap', SMALL, '2026-03-29T01:00:00Z', true],
    ['are quiet when clocks show the hour for the first time', SMALL, '2026-10-25T00:45:00Z', true],
    ['are not when they have gone back before it', SMALL, '2026-10-25T01:15:00Z', false],
    ['and are quiet when they show it again', SMALL, '2026-10-25T01:45:00Z', true],
  ];
  for (const [what, hours, at, quiet] of CASES) {
    test(what, () => assert.equal(isQuiet(hours, new Date(at)), quiet));
  }

  test('hours that cannot be read are never quiet', () => {
    for (const hours of [
      { ...NIGHT, zone: 'Mars/Olympus' },
      { ...NIGHT, from: '25:00' },
      { ...NIGHT, to: '7' },
    ])
      assert.equal(isQuiet(hours, new Date('2026-11-30T23:30:00Z')), false);
  });

  test('a zone is a name that the runtime knows', () => {
    for (const zone of ['Europe/Berlin', 'UTC', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'])
      assert.ok(isZone(zone), zone);
    for (const zone of ['', 'Mars/Olympus', '+02:00', 'Europe/Berlin\n', 'a'.repeat(5000), '../../etc'])
      assert.ok(!isZone(zone), zone.slice(0, 30));
  });
});
