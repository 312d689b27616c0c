import assert from 'node:assert/strict';
import { test } from 'node:test';
import { saysTimeOut } from '../../src/domain/call/giving-up.ts';

test('a cancellation whose reason is a time-out is told from one that somebody wanted', () => {
  for (const reason of [
    'McpError: MCP error -32001: Request timed out',
    'McpError: MCP error -32001: Maximum total timeout exceeded',
    'SdkError: Request timed out',
    'TimeoutError: The operation was aborted due to timeout',
    'Request timed out',
    'context deadline exceeded',
    'DEADLINE_EXCEEDED: deadline exceeded after 4.9s',
    'Timed out while waiting for response to ClientRequest. Waited 5.0 seconds.',
    'The request timed-out',
    'client time out',
    'request_time_out',
  ]) {
    assert.ok(saysTimeOut(reason), reason);
  }
  for (const reason of [
    null,
    '',
    'AbortError: This operation was aborted',
    'context canceled',
    'changed my mind',
    'User requested cancellation',
    'The user took a time-consuming outing',
    'sometimes out of order',
    `${'x'.repeat(500)} timed out`,
  ]) {
    assert.ok(!saysTimeOut(reason), String(reason));
  }
});
