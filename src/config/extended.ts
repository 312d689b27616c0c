import { type Document, isMap, isSeq, parseDocument, YAMLMap } from 'yaml';
import type { TakenEntry } from './client/take-server.ts';

/** What is added to a config. */
export interface ConfigAdditions {
  readonly servers: readonly { readonly name: string; readonly entry: TakenEntry; readonly policy: string }[];
  readonly grant: {
    readonly name: string;
    readonly tokenSha256: string;
    readonly servers: readonly string[];
  };
  /** The folder of secrets, as a new config names it. */
  readonly secrets: string;
  /** host:port; null: the default, or what the config says. */
  readonly listen: string | null;
}

const FRESH = `# Written by holdfast init. What is new here is in force within a second of saving, once it is valid: holdfast doctor.
version: "1"
# Secrets, one a file, named as they are below: \${NAME}. HOLDFAST_ADMIN_TOKEN is there too.
secrets: .holdfast/secrets
servers: {}
grants: []
approvers:
  # Whoever holds the admin token. For Slack: holdfast init slack, then people's Slack ids here.
  security: [admin]
`;

/**
 * The config with these servers and this grant in it; `text` null: a new one. Comments and order stay. A grant of this name
 * gets the servers that it lacks, and the token.
 */
export function extendedConfig(text: string | null, { servers, grant, secrets, listen }: ConfigAdditions): string {
  const document = parseDocument(text ?? FRESH);
  if (document.errors.length > 0) throw document.errors[0]!;
  for (const key of ['servers', 'grants'] as const) block(document, key);
  if (!document.has('secrets')) document.set('secrets', secrets);
  if (listen !== null) document.set('listen', listen);
  for (const { name, entry, policy } of servers) document.setIn(['servers', name], serverNode(document, entry, policy));
  addGrant(document, grant);
  if (!document.has('approvers')) document.set('approvers', { security: ['admin'] });
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** `servers: {}` and `grants: []` are made to be filled. */
function block(document: Document, key: 'servers' | 'grants'): void {
  const node = document.get(key, true);
  if ((isMap(node) || isSeq(node)) && node.items.length === 0) node.flow = false;
  if (node === undefined || node === null) document.set(key, document.createNode(key === 'servers' ? {} : []));
}

function serverNode(document: Document, entry: TakenEntry, policy: string): YAMLMap {
  const node = new YAMLMap();
  const put = (name: string, value: unknown): void => {
    const made = document.createNode(value);
    if (isSeq(made)) made.flow = true;
    node.set(name, made);
  };
  const putTexts = (name: string, texts: Readonly<Record<string, string>>): void => {
    if (Object.keys(texts).length > 0) put(name, new Map(Object.entries(texts)));
  };
  if ('url' in entry) {
    put('url', entry.url);
    putTexts('headers', entry.headers);
  } else {
    put('command', entry.command);
    // A program with blanks in its path is told from a line by its arguments, be there none.
    if (entry.args.length > 0 || /\s/.test(entry.command)) put('args', entry.args);
    putTexts('env', entry.env);
    if (entry.cwd !== null) put('cwd', entry.cwd);
  }
  put('policy', policy);
  return node;
}

function addGrant(document: Document, { name, tokenSha256, servers }: ConfigAdditions['grant']): void {
  const grants = document.get('grants');
  const at = isSeq(grants) ? grants.items.findIndex((each) => isMap(each) && each.get('name') === name) : -1;
  if (at < 0) {
    const node = document.createNode({ name, token_sha256: tokenSha256, servers, owner: 'none' }) as YAMLMap;
    flat(node);
    document.addIn(['grants'], node);
    return;
  }
  const known = (document.toJS() as { grants: { servers: string[] }[] }).grants[at]!.servers;
  document.setIn(['grants', at, 'servers'], document.createNode([...new Set([...known, ...servers])]));
  flat(document.getIn(['grants', at]) as YAMLMap);
}

function flat(grant: YAMLMap): void {
  const servers = grant.get('servers', true);
  if (isSeq(servers)) servers.flow = true;
}
