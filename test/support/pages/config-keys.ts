/** Every key of holdfast.yaml, from the shapes by which it is read. */
import { z } from 'zod';
import {
  APPROVAL_DEFAULTS,
  DEFAULT_OPERATORS,
  SESSION_CHILDREN,
  SESSION_OPENINGS,
} from '../../../src/config/config.ts';
import {
  BucketShape,
  ConfigShape,
  GrantShape,
  OAuthShape,
  OidcShape,
  PersonShape,
  ServerShape,
  StandInShape,
} from '../../../src/config/config-schema.ts';
import { SandboxShape } from '../../../src/config/confinement.ts';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
}

/** A key with its bounds, if it has any. */
export interface ConfigKey {
  readonly key: string;
  readonly bounds: readonly number[];
}

/** The shapes of what the file's own shape leaves open. */
const OPEN: Readonly<Record<string, z.ZodType>> = {
  'servers.*': ServerShape,
  'grants[]': GrantShape,
  'people.*': PersonShape,
  'stand_ins[]': StandInShape,
  oidc: OidcShape,
  oauth: OAuthShape,
  'servers.*.sandbox': SandboxShape,
  'audit.archive': BucketShape,
};

export function configKeys(): ConfigKey[] {
  const keys = keysUnder(ConfigShape, '');
  for (const [place, shape] of Object.entries(OPEN)) keys.push(...keysUnder(shape, `${place}.`));
  return keys;
}

function keysUnder(shape: z.ZodType, before: string): ConfigKey[] {
  return walk(z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as Node, before);
}

function walk(node: Node, before: string): ConfigKey[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, inner]) => {
    const { minimum, maximum, maxLength } = inner;
    const bounds = [minimum, maximum, maxLength].filter((bound) => bound !== undefined && bound > 1);
    return [{ key: `${before}${name}`, bounds: bounds as number[] }, ...walk(inner, `${before}${name}.`)];
  });
}

const duration = (ms: number): string => {
  const units = [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const;
  const [unit, size] = units.find(([, each]) => ms % each === 0 && ms >= each && (ms < 60_000 || each > 1_000)) ?? [
    'ms',
    1,
  ];
  return `${ms / size}${unit}`;
};

const { hold } = APPROVAL_DEFAULTS;

/** The defaults that the program has, as the page writes them. */
export const DEFAULTS: Readonly<Record<string, string>> = {
  'approval.timeout': duration(APPROVAL_DEFAULTS.timeoutMs),
  'approval.pickup': duration(APPROVAL_DEFAULTS.pickupMs),
  'approval.grace': duration(APPROVAL_DEFAULTS.graceMs),
  'approval.max_pending': String(APPROVAL_DEFAULTS.maxPending),
  'approval.openings': `${APPROVAL_DEFAULTS.openings.max}/${APPROVAL_DEFAULTS.openings.per}`,
  'approval.kept_bytes': String(APPROVAL_DEFAULTS.keptBytes),
  'approval.max_bytes': String(APPROVAL_DEFAULTS.maxBytes),
  'approval.hold.default': duration(hold.defaultMs),
  'approval.hold.progress': duration(hold.progressMs),
  'approval.hold.leg': duration(hold.legMs),
  'approval.hold.beat': duration(hold.beatMs),
  'sessions.openings': `${SESSION_OPENINGS.max}/${SESSION_OPENINGS.per}`,
  'sessions.children': String(SESSION_CHILDREN),
  operators: `[${DEFAULT_OPERATORS.join(', ')}]`,
};
