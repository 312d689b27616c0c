import assert from 'node:assert/strict';
import { stringify } from 'yaml';
import { faultText } from '../../../src/config/document/fault.ts';
import { parsePolicy } from '../../../src/config/policy/file.ts';
import type { Call } from '../../../src/domain/call/call.ts';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import type { Policy } from '../../../src/domain/policy/policy.ts';

/** A call as policy sees it, by one grant that has an owner. */
export function callOf(tool: string, args: JsonObject = {}): Call {
  return {
    principal: { grant: 'release-bot', owner: 'U0SAM', selfApproval: false },
    server: 'prometheus',
    tool,
    args,
    session: 'session-1',
    params: { name: tool, arguments: args },
  };
}

/** A policy from the content of its file. Fails the test when the content has a fault. */
export function policyOf(file: object): Policy {
  const parsed = parsePolicy(stringify({ version: '1', default: 'deny', ...file }), { path: 'policy.yaml' });
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.faults.map(faultText).join('\n'));
  return parsed.policy;
}

/** The faults of a policy's text as they are printed. */
export function faultsOf(text: string, path = 'policy.yaml'): string[] {
  const parsed = parsePolicy(text, { path });
  return parsed.ok ? [] : parsed.faults.map(faultText);
}
