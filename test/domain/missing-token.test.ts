import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingToken } from '../../src/cli/doctor/missing-token.ts';

/** As real servers say it, and what they lack. */
const SAID: [said: string, missing: readonly string[] | null][] = [
  ['GITHUB_PERSONAL_ACCESS_TOKEN environment variable is not set', ['GITHUB_PERSONAL_ACCESS_TOKEN']],
  [
    'Connection closed; it said: Please set SLACK_BOT_TOKEN and SLACK_TEAM_ID environment variables',
    ['SLACK_BOT_TOKEN'],
  ],
  ['Error: Missing required environment variable: AIRTABLE_API_KEY', ['AIRTABLE_API_KEY']],
  ['Either FIRECRAWL_API_KEY or FIRECRAWL_API_URL must be provided', ['FIRECRAWL_API_KEY']],
  ['Error: No access token was provided. Pass one with --access-token', []],
  ['Usage: server. An API key is required.', []],
  ['listening on stdio', null],
  ['ECONNREFUSED 127.0.0.1:6379', null],
  ['a token was refreshed', null],
  ['NODE_OPTIONS is not set', null],
];

for (const [said, missing] of SAID) {
  test(`doctor reads "${said}"`, () => assert.deepEqual(missingToken(said, {}), missing));
}

test('doctor does not name a variable that the server was given', () => {
  assert.equal(missingToken('GITHUB_TOKEN is required', { GITHUB_TOKEN: 'x' }), null);
});
