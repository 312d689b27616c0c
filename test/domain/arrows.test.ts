import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ARROWS, environmentReads, importsOf, roomOf, sources, textOf, wrongArrow } from '../support/house.ts';
import { ambiguousNames, circles, fileGraph, wrongFloors } from '../support/structure.ts';

describe('the house', () => {
  test('every import goes along an arrow of the design', () => {
    const wrong = sources('src').flatMap((file) =>
      importsOf(file, textOf(file)).flatMap((one) => {
        const fault = wrongArrow(one);
        return fault === null ? [] : [`${one.file}:${one.line} ${fault}`];
      }),
    );
    assert.deepEqual(wrong, []);
  });

  test('every room that exists has its arrows', () => {
    const rooms = [...new Set(sources('src').map(roomOf))];
    assert.deepEqual(
      rooms.filter((room) => !(room in ARROWS)),
      [],
    );
    assert.ok(rooms.includes('domain') && rooms.includes('main'), 'the walk found the house');
  });

  test('only main reads the environment', () => {
    const readers = sources('src').filter((file) => environmentReads(textOf(file)).length > 0);
    assert.deepEqual(
      readers.filter((file) => roomOf(file) !== 'main'),
      [],
    );
    assert.ok(readers.length > 0, 'main does read it');
  });

  test('a wrong arrow of any spelling is seen', () => {
    const seen = (file: string, text: string) => importsOf(file, text).map(wrongArrow);
    assert.deepEqual(seen('src/domain/a.ts', "import { x } from '../ports.ts';"), ['domain must not import ports']);
    assert.deepEqual(seen('src/domain/a.ts', "import type { x } from '../gateway/x.ts';"), [
      'domain must not import gateway',
    ]);
    assert.deepEqual(seen('src/domain/a.ts', "import 'node:fs';"), ['domain must not import the outside (node:fs)']);
    assert.deepEqual(seen('src/mcp/a.ts', "import {\n  a,\n  b,\n} from '../slack/card.ts';"), [
      'mcp must not import slack',
    ]);
    assert.deepEqual(seen('src/web/a.ts', "export { x } from '../sql/row.ts';"), ['web must not import sql']);
    assert.deepEqual(seen('src/gateway/a.ts', "await import('../main/node.ts')"), ['gateway must not import main']);
    assert.deepEqual(seen('src/web/a.ts', "import { x } from '../demo/x.ts';"), ['web must not import demo']);
    assert.deepEqual(seen('src/main/a.ts', "import { x } from '../cli/x.ts';"), ['main must not import cli']);
    assert.deepEqual(seen('src/time/a.ts', "import { x } from '../domain/x.ts';"), ['time must not import domain']);
    assert.deepEqual(seen('src/bytes/a.ts', "import 'node:fs';"), ['bytes must not import the outside (node:fs)']);
    assert.deepEqual(seen('src/domain/a.ts', "import { x } from '../bytes/x.ts';"), [null]);
    assert.deepEqual(seen('src/attic/a.ts', "import 'zod';"), ['the room attic has no place in the house']);
    assert.deepEqual(seen('src/mcp/a.ts', "import { z } from 'zod';\nimport { c } from './c.ts';"), [null, null]);
  });

  test('no files import each other in a circle, types included', () => {
    assert.deepEqual(circles(fileGraph('src')), []);
    const graph = new Map([
      ['a', new Set(['b'])],
      ['b', new Set(['c'])],
      ['c', new Set(['a', 'd'])],
      ['d', new Set<string>()],
    ]);
    assert.deepEqual(circles(graph), [['a', 'b', 'c']]);
  });

  test('no arrow runs up between the rooms within a room', () => {
    assert.deepEqual(wrongFloors(), []);
    const graph = (from: string, to: string) => new Map([[from, new Set([to])]]);
    assert.deepEqual(wrongFloors(graph('src/mcp/json/edit.ts', 'src/mcp/hold/desk.ts')), [
      'src/mcp/json/edit.ts must not import src/mcp/hold/desk.ts, which is above it',
    ]);
    assert.deepEqual(wrongFloors(graph('src/gateway/log/a.ts', 'src/gateway/gateway.ts')), [
      'src/gateway/log/a.ts must not import src/gateway/gateway.ts, which is above it',
    ]);
    assert.deepEqual(wrongFloors(graph('src/demo/slack/wire/a.ts', 'src/demo/slack/page/b.ts')), [
      'src/demo/slack/wire/a.ts must not import src/demo/slack/page/b.ts, which is above it',
    ]);
    assert.deepEqual(wrongFloors(graph('src/mcp/attic/a.ts', 'src/mcp/json/edit.ts')), ['mcp/attic has no floor']);
    assert.deepEqual(wrongFloors(graph('src/vault/attic/a.ts', 'src/vault/keys.ts')), [
      'vault has folders in it, and no FLOORS',
    ]);
    assert.deepEqual(wrongFloors(graph('src/mcp/hold/a.ts', 'src/mcp/json/edit.ts')), []);
  });

  test('every exported name has one owner', () => {
    assert.deepEqual(ambiguousNames(), []);
  });
});
