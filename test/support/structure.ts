import { importsOf, sources, textOf } from './house.ts';

/** What imports what: for each node the nodes that it names. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Every file of a folder with the files of that folder that it imports, types included. */
export function fileGraph(folder: string): Graph {
  const files = sources(folder);
  const known = new Set(files);
  return new Map(
    files.map((file) => [
      file,
      new Set(
        importsOf(file, textOf(file))
          .map(({ target }) => target)
          .filter((target) => known.has(target)),
      ),
    ]),
  );
}

/** Nodes that reach each other, a list for each circle; found as strongly connected components (Tarjan). */
export function circles(graph: Graph): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== index.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const node of graph.keys()) if (!index.has(node)) visit(node);
  return found;
}

/**
 * What lies in each folder that has folders in it, from the ground up. A file may import what stands in its own entry or
 * below it, never above. Files are named with their endings.
 */
export const FLOORS: Readonly<Record<string, readonly string[]>> = {
  domain: [
    'addresses.ts',
    'source.ts',
    'people',
    'json',
    'view',
    'call',
    'tool',
    'policy',
    'approval',
    'freeze',
    'allowance',
    'log',
    'replay',
  ],
  gateway: [
    ...[
      'id.ts',
      'fault-point.ts',
      'ports.ts',
      'rules.ts',
      'commit-until.ts',
      'log',
      'archive',
      'state',
      'gateway.ts',
      'person',
    ],
    ...[
      'allowance',
      'decision',
      'snooze',
      'freeze',
      'dispatch',
      'call',
      'counter',
      'task',
      'tools',
      'method',
      'replay',
      'erasure',
      'card-pace.ts',
      'card-run.ts',
      'oversight',
      'sweep-steps.ts',
      'card-digest.ts',
      'publish-card.ts',
      'note-watching.ts',
      'sweep.ts',
      'sweeper.ts',
      'start.ts',
    ],
  ],
  mcp: [
    'protocol',
    'json',
    'sse',
    'upstream',
    'stdio',
    'relay',
    'door',
    'hold',
    'answers',
    'tasks',
    'refusal.ts',
    'calls.ts',
  ],
  slack: [
    'wire',
    'place',
    'card',
    'people',
    'post',
    'setup',
    'cards.ts',
    'click',
    'stop',
    'home',
    'door.ts',
    'web-door.ts',
  ],
  web: ['http', 'api', 'openapi', 'html', 'pages', 'console'],
  sql: [
    ...[
      'table',
      'migrations',
      'connection',
      'log',
      'sets',
      'freezes.ts',
      'allowances.ts',
      'limit',
      'approval',
      'together',
      'task',
      'search',
      'erasure',
    ],
    ...[
      'ledger.ts',
      'memories.ts',
      'snoozes.ts',
      'oversight.ts',
      'samples.ts',
      'erasures.ts',
      'api-tokens.ts',
      'person-keys.ts',
      'signing-nonces.ts',
      'person-emails.ts',
      'person-logins.ts',
      'logins.ts',
      'records.ts',
      'revocations.ts',
      'tasks.ts',
      'store.ts',
    ],
  ],
  config: [
    ...[
      'document',
      'environment.ts',
      'proxies.ts',
      'secret-from.ts',
      'confinement.ts',
      'quiet-hours.ts',
      'config-schema.ts',
      'config.ts',
      'oidc.ts',
      'people.ts',
      'groups.ts',
      'stand-ins.ts',
      'may-operate.ts',
      'interpolate.ts',
      'server.ts',
      'upstream-key.ts',
      'slack.ts',
      'grants.ts',
      'oauth.ts',
      'client',
      'extended.ts',
    ],
    ...[
      'retention.ts',
      'config-file.ts',
      'rule',
      'own-conditions.ts',
      'tool-schema.ts',
      'intercept',
      'policy',
      'requirement.ts',
      'account-owner.ts',
      'persons.ts',
      'secrets.ts',
      'client-secret.ts',
      'settings.ts',
      'load.ts',
      'quiet-channels.ts',
      'deciders.ts',
      'standing.ts',
      'unsigned-calls.ts',
      'agent-standing.ts',
    ],
  ],
  demo: ['prometheus.ts', 'slack'],
  'demo/slack': [
    'wire',
    'state',
    'limits',
    'web-api',
    'interactivity',
    'page',
    'server.ts',
    'surface.ts',
    'stand-in.ts',
  ],
  main: [
    ...[
      'approvers.ts',
      'rules',
      'confine',
      'upstream',
      'console',
      'process',
      'runtime.ts',
      'ports.ts',
      'people.ts',
      'access-tokens.ts',
      'pages.ts',
      'doors.ts',
    ],
    ...[
      'lifecycle.ts',
      'assemble.ts',
      'workerd',
      'boot-worker.ts',
      'worker.ts',
      'node.ts',
      'reload.ts',
      'play',
      'demo.ts',
    ],
  ],
  cli: [
    ...[
      'fault-lines.ts',
      'decided-without-slack.ts',
      'parse',
      'remote',
      'approvals',
      'allowances',
      'freeze',
      'audit',
      'doctor',
      'policy',
      'scan',
      'grant',
      'backup.ts',
      'oversight.ts',
      'demo.ts',
    ],
    ...[
      'migrate.ts',
      'store-accept.ts',
      'start-words.ts',
      'start.ts',
      'init',
      'table',
      'completion',
      'commands.ts',
      'command-line.ts',
      'cli.ts',
    ],
  ],
};

/** Every import that runs up within a folder, and every entry that has no floor. */
export function wrongFloors(graph: Graph = fileGraph('src')): string[] {
  const faults = new Set<string>();
  for (const [file, targets] of graph) {
    const path = file.split('/').slice(1);
    for (let depth = 1; depth < path.length; depth += 1) {
      const folder = path.slice(0, depth).join('/');
      const floors = FLOORS[folder];
      if (floors === undefined && depth < path.length - 1) faults.add(`${folder} has folders in it, and no FLOORS`);
      if (floors !== undefined && !floors.includes(path[depth]!)) faults.add(`${folder}/${path[depth]} has no floor`);
    }
    for (const target of targets)
      if (runsUp(path, target.split('/').slice(1))) faults.add(`${file} must not import ${target}, which is above it`);
  }
  return [...faults].sort();
}

/** Compared where the two ways part. Between rooms the ARROWS say it. */
function runsUp(from: readonly string[], to: readonly string[]): boolean {
  const parted = from.findIndex((entry, depth) => entry !== to[depth]);
  if (parted < 1) return false;
  const floors = FLOORS[from.slice(0, parted).join('/')] ?? [];
  const own = floors.indexOf(from[parted]!);
  return own >= 0 && floors.indexOf(to[parted]!) > own;
}

const EXPORTED =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:type|interface|class|enum|const|function\*?) ([A-Za-z0-9_$]+)/gm;

/** Exported names that two files declare: one name has one meaning in the whole house. */
export function ambiguousNames(): string[] {
  const owners = new Map<string, Set<string>>();
  for (const file of sources('src')) {
    for (const [, name] of textOf(file).matchAll(EXPORTED)) {
      const files = owners.get(name!) ?? new Set();
      owners.set(name!, files.add(file));
    }
  }
  return [...owners].filter(([, files]) => files.size > 1).map(([name, files]) => `${name}: ${[...files].join(', ')}`);
}
