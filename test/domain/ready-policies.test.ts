import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { draftPolicy } from '../../src/config/policy/draft.ts';
import { parsePolicy } from '../../src/config/policy/file.ts';
import type { Json } from '../../src/domain/json/json.ts';
import type { Policy } from '../../src/domain/policy/policy.ts';
import { askFor, isHidden, mayAskOf, ruleFor } from '../../src/domain/policy/rule.ts';
import { classify } from '../../src/domain/tool/classify.ts';
import { type Tool, toolOf } from '../../src/domain/tool/tool.ts';

/** The tools of the real server that a ready policy is for, as its npm package lists them. */
interface ServerList {
  readonly server: string;
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly annotations: Record<string, boolean>;
    readonly properties: Record<string, Json>;
  }[];
}

function listOf(policy: string): { server: string; tools: Tool[] } {
  const file = new URL(`../labelled/servers/${basename(policy, '.yaml')}.json`, import.meta.url);
  const { server, tools }: ServerList = JSON.parse(readFileSync(file, 'utf8'));
  const read = tools.map(({ name, description, annotations, properties }) => {
    return toolOf({ name, description, annotations, inputSchema: { type: 'object', properties } })!;
  });
  return { server, tools: read };
}

/** Tools that their own server calls destructive, and that may run without a person's yes. */
function unasked(policy: Policy, tools: readonly Tool[]): string[] {
  return tools
    .filter((tool) => classify(tool).saysItDestroys && !isHidden(policy, tool.name))
    .filter(({ name }) => (ruleFor(policy, name)?.action ?? policy.default) === 'allow')
    .map(({ name }) => name);
}

function parsed(text: string, path: string): Policy {
  const read = parsePolicy(text, { path });
  if (!read.ok) assert.fail(JSON.stringify(read.faults));
  return read.policy;
}

const POLICIES = globSync('policies/*.{yaml,yml,json}').filter((file) => !/\.test\.|schema\.json$/.test(file));
/** For a server of our own making, which npm does not have. */
const OURS = ['policies/prometheus-approval.yaml', 'policies/prometheus.json'];

describe('whatever a server calls destructive is asked about', () => {
  test('every ready policy has the tool list of its server', () => {
    const missing = POLICIES.filter((file) => !OURS.includes(file)).filter((file) => listOf(file).tools.length === 0);
    assert.deepEqual(missing, []);
    assert.ok(POLICIES.length - OURS.length >= 21);
  });

  for (const file of POLICIES.filter((one) => !OURS.includes(one))) {
    test(`P1: in ${file}, and in a draft for its server`, () => {
      const { server, tools } = listOf(file);
      const text = readFileSync(file, 'utf8');
      assert.ok(text.includes(server.replace(/@(?=[^@]*$)/, ' ')), `${file} is for ${server}`);
      assert.deepEqual(unasked(parsed(text, file), tools), []);
      assert.deepEqual(unasked(parsed(draftPolicy({ product: server, tools }), 'draft.yaml'), tools), []);
    });
  }

  test('P1: edit_file and move_file of the filesystem server, in both', () => {
    const { server, tools } = listOf('policies/filesystem.yaml');
    for (const text of [readFileSync('policies/filesystem.yaml', 'utf8'), draftPolicy({ product: server, tools })]) {
      const policy = parsed(text, 'p.yaml');
      for (const name of ['edit_file', 'move_file', 'write_file']) {
        assert.equal(ruleFor(policy, name)?.action, 'require_approval', name);
      }
      assert.equal(ruleFor(policy, 'read_file')?.action ?? 'allow', 'allow');
    }
  });
});

test('a claim to destroy is found in hints and in words, and not where the words deny it', () => {
  const claims = (description: string, annotations: object = {}, name = 'change_thing'): boolean =>
    classify(toolOf({ name, description, annotations } as Json)!).saysItDestroys;
  for (const words of [
    'Changes a thing. This is a destructive operation.',
    `${'Long words before. '.repeat(100)}It overwrites what is there.`,
    'Replaces the thing; this cannot be undone.',
    'Changes the thing and permanently deletes its history.',
    'WARNING: DATA LOSS.',
    'Removes duplicates on the way.',
  ]) {
    assert.ok(claims(words), words);
  }
  for (const words of [
    'Changes a thing. Non-destructive.',
    'It does not overwrite anything.',
    'Changes a thing without overwriting others.',
    'Never deletes anything.',
    'Adds a thing.',
  ]) {
    assert.ok(!claims(words), words);
  }
  assert.ok(claims('', { destructiveHint: true }));
  assert.ok(!claims('', { destructiveHint: true, readOnlyHint: true }), 'it contradicts itself, and the name decides');
  assert.ok(!claims('Lists what the destructive tool removes.', {}, 'list_things'), 'a read');
});

/** The most used of the ready policies, by the downloads of their servers. */
const IN_WORDS = [
  ...['filesystem', 'github', 'kubernetes', 'mongodb', 'neon', 'notion', 'playwright', 'postgres', 'redis', 'sentry'],
  ...['slack', 'supabase', 'desktop-commander'],
];

describe('every tool that may be asked about has a sentence of its own, made of arguments that the tool has', () => {
  for (const name of IN_WORDS) {
    test(name, () => {
      const file = `policies/${name}.yaml`;
      const parsed = parsePolicy(readFileSync(file, 'utf8'), { path: file });
      assert.ok(parsed.ok);
      const { tools } = listOf(file);
      const asking = tools.filter((tool) => mayAskOf(parsed.policy, tool.name));
      assert.ok(asking.length > 0);
      const wrong = asking.flatMap((tool) => {
        const parts = askFor(parsed.policy, tool.name).summary?.parts;
        if (parts === undefined) return [`${tool.name}: none`];
        const known = (tool.inputSchema as { properties?: Record<string, Json> }).properties ?? {};
        return parts.flatMap((part) => {
          const [first] = typeof part === 'string' || part.root !== 'args' ? [] : part.steps;
          return first?.kind === 'member' && !Object.hasOwn(known, first.name) ? [`${tool.name}: ${first.name}`] : [];
        });
      });
      assert.deepEqual(wrong, []);
    });
  }
});
