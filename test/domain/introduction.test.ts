import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plainCapabilities, plainClient } from '../../src/domain/call/introduction.ts';
import type { Json } from '../../src/domain/json/json.ts';

const ICON = { src: 'data:image/png;base64,AAAA', mimeType: 'image/png', sizes: ['48x48'] };

describe('a client that introduces itself plainly', () => {
  const clients: readonly (readonly [string, Json, string | null])[] = [
    ['name and version', { name: 'case', version: '1' }, 'case 1'],
    ['a title', { name: 'claude-code', title: 'Claude Code', version: '2.1.0' }, 'Claude Code (claude-code) 2.1.0'],
    ['only a name', { name: 'case' }, 'case'],
    ['no name', { version: '1' }, null],
    ['an empty name', { name: '', version: '1' }, null],
    ['another member', { name: 'case', version: '1', database: 'prod' }, null],
    [
      'what the SDKs send by now',
      { name: 'case', version: '1', websiteUrl: 'https://a.example', description: 'An "agent"', icons: [ICON, ICON] },
      'case 1, https://a.example, "An \\"agent\\"", 2 icons of 157 characters in all',
    ],
    ['a website that is none', { name: 'case', websiteUrl: 'drop table' }, null],
    ['a long description', { name: 'case', description: 'x'.repeat(129) }, null],
    ['an icon with another member', { name: 'case', icons: [{ ...ICON, database: 'prod' }] }, null],
    ['an icon of text', { name: 'case', icons: [{ src: 'data:text/plain,drop' }] }, null],
    ['an icon with a blank', { name: 'case', icons: [{ src: 'https://a/ drop table' }] }, null],
    ['17 icons', { name: 'case', icons: Array.from({ length: 17 }, () => ICON) }, null],
    ['a member that objects inherit', JSON.parse('{"name":"case","__proto__":"x"}') as Json, null],
    ['65 characters', { name: 'n'.repeat(65) }, null],
    ['a line break', { name: 'case\nApproved' }, null],
    ['a character that hides', { name: 'ca\u200bse' }, null],
    ['a number', { name: 'case', version: 1 }, null],
    ['a list', ['case'], null],
    ['text', 'case', null],
  ];
  for (const [name, info, expected] of clients) test(name, () => assert.equal(plainClient(info), expected));
  test('none', () => assert.equal(plainClient(undefined), null));
});

describe('capabilities that are plain', () => {
  const table: readonly (readonly [string, Json, string | null])[] = [
    ['none', {}, ''],
    [
      'all of the revision',
      { elicitation: { form: {}, url: {} }, sampling: { tools: {}, context: {} }, roots: { listChanged: true } },
      'elicitation (form, url), sampling (tools, context), roots (listChanged: true)',
    ],
    [
      'a form with defaults',
      { elicitation: { form: { applyDefaults: true } } },
      'elicitation (form (applyDefaults: true))',
    ],
    [
      'the tasks extension',
      { extensions: { 'io.modelcontextprotocol/tasks': {} } },
      'extension io.modelcontextprotocol/tasks',
    ],
    [
      'an extension with settings',
      { extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } } },
      'extension io.modelcontextprotocol/ui (mimeTypes: ["text/html;profile=mcp-app"])',
    ],
    ['an experiment', { experimental: { sparkle: {} } }, 'experimental sparkle'],
    [
      'tasks of 2025-11-25',
      { tasks: { list: {}, requests: { sampling: { createMessage: {} } } } },
      'tasks (list, requests (sampling (createMessage)))',
    ],
    ['one that nobody defines', { database: {} }, null],
    ['a member of one that nobody defines', { elicitation: { target: {} } }, null],
    ['text in one', { sampling: 'drop the table' }, null],
    ['text inside one', { sampling: { tools: 'drop' } }, null],
    ['a text for a yes or no', { roots: { listChanged: 'true' } }, null],
    ['an extension with an object inside', { extensions: { a: { b: { c: {} } } } }, null],
    ['an extension with a long text', { extensions: { a: { b: 'x'.repeat(65) } } }, null],
    ['an extension whose name hides', { extensions: { 'a\u200b': {} } }, null],
    ['an extension with a long name', { extensions: { ['x'.repeat(129)]: {} } }, null],
    [
      'more than a card shows',
      { extensions: Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`extension-${i}`, {}])) },
      null,
    ],
    ['an experiment with settings', { experimental: { a: { b: 'c' } } }, null],
    ['a member that objects inherit', { experimental: JSON.parse('{"__proto__":{}}') as Json }, null],
    ['a list', [], null],
  ];
  for (const [name, capabilities, expected] of table) {
    test(name, () => assert.equal(plainCapabilities(capabilities)?.join(', ') ?? null, expected));
  }
});
