/** Examples in YAML: what they are, and what the program's own loaders say of them. */
import { load } from 'js-yaml';
import { parseConfig } from '../../../src/config/config-file.ts';
import { ConfigShape } from '../../../src/config/config-schema.ts';
import { type Fault, faultText } from '../../../src/config/document/fault.ts';
import { parseCases } from '../../../src/config/policy/cases.ts';
import { parsePolicy } from '../../../src/config/policy/file.ts';

type Members = Record<string, unknown>;

const POLICY_KEYS = new Set([
  ...['version', 'description', 'default', 'hide', 'drift', 'all_tools', 'tools'],
  ...['resources', 'prompts', 'methods'],
]);
const DIGEST = (n: number): string => n.toString(16).padStart(2, '0').repeat(32);

/** What an example is: a whole file or a part of one. */
export type ExampleKind = 'config' | 'grants' | 'policy' | 'rule' | 'cases';

export function kindOf(text: string): ExampleKind {
  const value = load(filledIn(text));
  if (Array.isArray(value)) return value.some((one) => Object.hasOwn(one as object, 'expect')) ? 'cases' : 'grants';
  const keys = Object.keys(value as object);
  if (keys.every((key) => POLICY_KEYS.has(key)) && keys.join() !== 'version') return 'policy';
  return keys.every((key) => Object.hasOwn(ConfigShape.shape, key)) ? 'config' : 'rule';
}

/** What is wrong with an example, a line each. A part is completed by the least that makes it whole. */
export function faultsOf(text: string): string[] {
  const filled = filledIn(text);
  const value = load(filled) as Members;
  switch (kindOf(text)) {
    case 'policy':
      return said(
        parsePolicy(Object.hasOwn(value, 'version') ? filled : `version: "1"\ndefault: deny\n${filled}`, {
          path: 'p.yaml',
        }),
      );
    case 'rule':
      return said(parsePolicy(whole({ version: '1', default: 'deny', tools: { a_tool: value } }), { path: 'p.json' }));
    case 'cases':
      return said(parseCases(filled, { path: 'p.test.yaml' }));
    case 'grants':
      return configFaults({ grants: value });
    case 'config':
      return Object.hasOwn(value, 'version') && Object.hasOwn(value, 'servers')
        ? said(parseConfig(filled, { path: 'holdfast.yaml', env: null }))
        : configFaults(value);
  }
}

function configFaults(part: Members): string[] {
  const grants = ((part.grants ?? []) as Members[]).map((grant, n) => ({
    token_sha256: DIGEST(n + 1),
    servers: ['a_server'],
    owner: 'none',
    ...grant,
  }));
  const servers = {
    a_server: { url: 'http://127.0.0.1:9000/mcp', policy: 'p.yaml' },
    ...((part.servers ?? {}) as Members),
  };
  const config = { version: '1', ...part, servers, grants };
  return said(parseConfig(whole(config), { path: 'holdfast.json', env: null }));
}

const whole = (value: unknown): string => JSON.stringify(value);

function said(read: { readonly ok: boolean; readonly faults?: readonly Fault[] }): string[] {
  return read.ok ? [] : (read.faults ?? []).map(faultText);
}

/** With what its reader would fill in. */
function filledIn(text: string): string {
  return text
    .replaceAll(/token_sha256: …/g, `token_sha256: "${DIGEST(200)}"`)
    .replaceAll(', … }', ' }')
    .replaceAll('<new>', `"${DIGEST(201)}"`)
    .replaceAll('<old>', `"${DIGEST(202)}"`);
}
