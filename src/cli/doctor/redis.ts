import { Redis } from 'ioredis';
import { outOfReach } from '../../main/process/out-of-reach.ts';
import { OUTBOX, PARKED } from '../../queue/backend.ts';
import { redisTarget } from '../../queue/redis-target.ts';
import { readRedisAddress } from '../../text/redis-address.ts';
import { ANSWER_MS, type DoctorFinding, fault, isLoopback, ok, skewOf, warn } from './finding.ts';

/** The oldest versions that BullMQ works with, and that it recommends. */
const OLDEST = [5, 0] as const;
const RECOMMENDED = [6, 2] as const;

/** Checks Redis and changes nothing in it. */
export async function redisFindings(url: string): Promise<DoctorFinding[]> {
  const redis = new Redis({
    ...redisTarget(url).options,
    replyMapping: 'legacy',
    lazyConnect: true,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let last: unknown;
  redis.on('error', (error) => {
    last = error;
  });
  try {
    await redis.connect();
    const from = Date.now();
    const [seconds, micros] = await redis.time();
    const clock = skewOf('redis', Number(seconds) * 1_000 + Number(micros) / 1_000, from, Date.now());
    return [...infoFindings(await redis.info()), ...clock, ...(await pausedFindings(redis)), ...encryption(url)];
  } catch (error) {
    const reason = outOfReach(last) ?? outOfReach(error);
    return reason === null
      ? [
          fault(
            'redis',
            'Redis cannot be queried',
            'Check REDIS_URL, the ACL of the user (INFO, TIME) and the log of the server.',
          ),
        ]
      : [fault('redis', `Redis cannot be reached: ${reason.what}`, reason.remedy)];
  } finally {
    redis.disconnect();
  }
}

/** Queues that somebody paused: their jobs wait, and the sweep does their work late. */
async function pausedFindings(redis: Redis): Promise<DoctorFinding[]> {
  const paused: string[] = [];
  for (const queue of [PARKED, OUTBOX]) if (await redis.hexists(`holdfast:${queue}:meta`, 'paused')) paused.push(queue);
  if (paused.length === 0) return [];
  const what = `the queue ${paused.join(' and ')} is paused: expiries, wake-ups and cards come up to 5 s late`;
  return [fault('redis', what, 'Resume it where it was paused (resume() of BullMQ).')];
}

/** `info`: the reply to INFO, with all its sections. */
export function infoFindings(info: string): DoctorFinding[] {
  const about = 'redis';
  const field = (name: string): string | undefined => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  const version = field('redis_version') ?? '0.0';
  const found: DoctorFinding[] = [];
  if (older(version, OLDEST)) found.push(fault(about, `Redis ${version} is too old`, 'Use Redis 6.2 or newer.'));
  else if (older(version, RECOMMENDED)) found.push(warn(about, `Redis ${version} is old`, 'Use Redis 6.2 or newer.'));
  else found.push(ok(about, `Redis ${version} answers`));
  const policy = field('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    // Without a memory limit Redis evicts nothing.
    const level = (field('maxmemory') ?? '0') === '0' ? warn : fault;
    const what = `maxmemory-policy is ${policy}: Redis may drop jobs, and cards and wake-ups come late`;
    found.push(level(about, what, 'Set maxmemory-policy noeviction.'));
  }
  const [used, most] = [Number(field('used_memory') ?? 0), Number(field('maxmemory') ?? 0)];
  if (most > 0 && used >= most) {
    found.push(fault(about, 'Redis is out of memory: nothing can be written', 'Raise its maxmemory.'));
  }
  if (field('role') === 'slave') {
    found.push(fault(about, 'this server is a replica: nothing can be written', 'Point REDIS_URL at the primary.'));
  }
  if (field('aof_enabled') === '0') {
    const what =
      'it does not append to disk: after its restart cards and expiries wait for the sweep (5 s); nothing is lost';
    found.push(warn(about, what, 'Set appendonly yes.'));
  }
  if (field('cluster_enabled') === '1') {
    found.push(
      fault(
        about,
        'this is a cluster, which the queue does not support',
        'Use a single primary, with or without replicas.',
      ),
    );
  }
  return found;
}

function older(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a < major || (a === major && b < minor);
}

function encryption(text: string): DoctorFinding[] {
  const address = readRedisAddress(text);
  if (address?.tls) return [ok('redis', 'the connection is encrypted')];
  if (address?.hosts.every(({ host }) => isLoopback(host))) return [];
  return [warn('redis', 'the connection is not encrypted', 'Use a rediss:// URL.')];
}
