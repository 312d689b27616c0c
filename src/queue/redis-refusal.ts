import type { WriteRefusal } from './backend.ts';

/** What a Redis says that was made a replica, or was the primary before a fail-over. */
export const READ_ONLY_REDIS: WriteRefusal = {
  what: 'Redis is a read-only replica and refuses writes',
  remedy: 'Point REDIS_URL at the primary, or promote this one (REPLICAOF NO ONE).',
};

/** By how the error of Redis begins. */
const REFUSALS: Readonly<Record<string, WriteRefusal>> = {
  OOM: {
    what: 'Redis is out of memory and refuses writes',
    remedy: 'Raise its maxmemory, or find what fills it; leave maxmemory-policy at noeviction.',
  },
  READONLY: READ_ONLY_REDIS,
  MISCONF: {
    what: 'Redis cannot save to its disk and refuses writes',
    remedy: 'Make room on the disk of Redis; its log says what failed.',
  },
  NOREPLICAS: {
    what: 'Redis has too few replicas and refuses writes',
    remedy: 'Bring its replicas back, or lower min-replicas-to-write.',
  },
  LOADING: { what: 'Redis is still loading its data', remedy: 'Wait; it answers when it has read its file.' },
  NOAUTH: { what: 'Redis wants a password', remedy: 'Put it into REDIS_URL.' },
  WRONGPASS: { what: 'Redis refuses the password', remedy: 'Correct it in REDIS_URL.' },
  NOPERM: {
    what: 'Redis does not let our user write',
    remedy: 'Give the user in REDIS_URL all commands on holdfast:*.',
  },
};

/** What Redis says of itself by refusing. A script puts words of its own before the code. null: it does not answer. */
export function redisRefusal(error: unknown): WriteRefusal | null {
  const message = error instanceof Error ? error.message : String(error);
  const code = /(?:^|[\s-])(OOM|READONLY|MISCONF|NOREPLICAS|LOADING|NOAUTH|WRONGPASS|NOPERM)\b/.exec(message)?.[1];
  return code === undefined ? null : REFUSALS[code]!;
}

/** What no waiting mends: whoever set it up has to. By how the error of Redis begins, or by what TLS says. */
const SET_UP_WRONG =
  /(?:^|[\s-])(NOAUTH|WRONGPASS|NOPERM)\b|invalid password|certificate|altnames|self-signed|\bSSL\b/i;

/** Whether this Redis may answer later without anybody changing our settings. */
export function mayComeBack(error: unknown): boolean {
  const { message, code } = error as { message?: string; code?: string };
  return !SET_UP_WRONG.test(`${message ?? error} ${code ?? ''}`.replaceAll('_', ' '));
}
