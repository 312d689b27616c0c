import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { withMember, withoutMember } from '../../src/mcp/json/edit.ts';
import { withMemberInPieces } from '../../src/mcp/json/edit-bytes.ts';

const TEXTS: readonly string[] = [
  '{}',
  '{"id":1}',
  '{ "id" : 1 , "params" : { } }',
  '{"params":{"task":{"ttl":1},"name":"a"},"id":7}',
  '{"params":{"name":"a","task":{"ttl":1}}}',
  '{"params":{"name":"a" ,\n"task" : {"ttl":1} \t}}',
  '{"params":{"t\\u0061sk":[1,"}"],"x":"\\"task\\":1"}}',
  '{"params":{"_meta":{"progressToken":"p"},"task":null}}',
  '{"params":{"_meta":{"a":1, "progressToken":5 , "b":2}}, "id":"\\\\"}',
  '{"params":{"arguments":{"task":{"_meta":{"progressToken":3}}},"_meta":{}}}',
  '{"params":[1,2],"id":{"params":{"task":1}}}',
  ' \n{"id":"x"} ',
  '[1]',
];
const PATHS: readonly (readonly string[])[] = [
  ['id'],
  ['params'],
  ['params', 'task'],
  ['params', '_meta'],
  ['params', '_meta', 'progressToken'],
];

describe('members of a large text are edited as bytes as they are in text', () => {
  for (const text of TEXTS) {
    test(JSON.stringify(text), async () => {
      const bytes = new TextEncoder().encode(text);
      for (const path of PATHS) {
        for (const json of ['"ж"', '{"a":[]}', null]) {
          const expected = json === null ? withoutMember(text, path) : withMember(text, path, json);
          const edited = new TextDecoder().decode(await withMemberInPieces(bytes, path, json));
          assert.equal(edited, expected, `${path.join('.')} = ${json}`);
        }
      }
    });
  }
});
