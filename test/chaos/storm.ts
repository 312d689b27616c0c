import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockAhead } from '../support/gateway/other-clock.ts';
import type { Dice } from './dice.ts';
import type { Town } from './town.ts';

/** Seconds by which a clock is wrong. */
export const HOUR_S = 3_600;

/** How often each trouble comes, in proportion to the others. */
const TROUBLES = {
  'gateway killed': 7,
  'gateway stopped': 2,
  'gateway an hour ahead': 1,
  'gateway an hour behind': 1,
  'redis restarted': 3,
  'redis flushed': 3,
  'redis frozen': 1,
  'postgres restarted': 2,
  'postgres frozen': 1,
  'slack loses answers': 5,
  'slack limits': 1,
  'slack down': 2,
  'server down': 2,
  'server forgets sessions': 1,
} as const;

export type Trouble = keyof typeof TROUBLES;

/** Trouble at random moments, one after the other and sometimes two at once. */
export class Storm {
  readonly count = new Map<Trouble, number>();
  readonly #town: Town;
  readonly #dice: Dice;
  readonly #gateways: number;
  readonly #running = new Set<Promise<void>>();
  /** Servers that are being restarted: a second restart must not meet the first. */
  readonly #busy = new Set<string>();
  #over = false;

  constructor(town: Town, dice: Dice, gateways: number) {
    this.#town = town;
    this.#dice = dice;
    this.#gateways = gateways;
  }

  /** Makes trouble until `end` is called. `leastMs` and `mostMs`: the time between two troubles. */
  async run(leastMs: number, mostMs: number): Promise<void> {
    while (!this.#over) {
      await sleep(this.#dice.between(leastMs, mostMs));
      if (this.#over) break;
      const trouble = this.#dice.weighted(TROUBLES);
      const place = trouble.split(' ')[0]!;
      if (place !== 'gateway' && this.#busy.has(place)) continue;
      this.#busy.add(place);
      this.count.set(trouble, (this.count.get(trouble) ?? 0) + 1);
      const running = this.#bring(trouble).finally(() => {
        this.#busy.delete(place);
        this.#running.delete(running);
      });
      this.#running.add(running);
    }
  }

  /** Stops the trouble. Resolves when everything that was taken away is back. */
  async end(): Promise<void> {
    this.#over = true;
    await Promise.all([...this.#running]);
    const { slack } = this.#town.house;
    slack.clearFaults();
    slack.down = false;
    await this.#town.fill(this.#gateways);
  }

  async #bring(trouble: Trouble): Promise<void> {
    const { redis, postgres, upstream, house } = this.#town;
    const dice = this.#dice;
    switch (trouble) {
      case 'gateway killed':
        return this.#endOne((gateway) => this.#town.kill(gateway));
      case 'gateway stopped':
        return this.#endOne((gateway) => this.#town.stop(gateway));
      case 'gateway an hour ahead':
        return this.#withClock(HOUR_S);
      case 'gateway an hour behind':
        return this.#withClock(-HOUR_S);
      case 'redis restarted':
        await redis.kill();
        await sleep(dice.between(0, 2_000));
        return redis.begin();
      case 'redis flushed':
        return flush(redis.port);
      case 'redis frozen':
        redis.freeze();
        await sleep(dice.between(300, 2_500));
        return redis.thaw();
      case 'postgres restarted':
        await postgres.kill();
        await sleep(dice.between(0, 1_500));
        return postgres.begin();
      case 'postgres frozen':
        postgres.freeze();
        await sleep(dice.between(300, 2_000));
        return postgres.thaw();
      case 'slack loses answers':
        house.slack.failNext(dice.one(0.6) ? 'chat.postMessage' : 'chat.update', {
          kind: dice.one(0.7) ? 'drop-answer' : 'http-500',
          times: dice.between(1, 3),
        });
        return;
      case 'slack limits':
        house.slack.failNext('*', { kind: 'ratelimited', retryAfter: 1, times: dice.between(1, 4) });
        return;
      case 'slack down':
        house.slack.down = true;
        await sleep(dice.between(300, 3_000));
        house.slack.down = false;
        return;
      case 'server down':
        await upstream.shut();
        await sleep(dice.between(100, 1_500));
        return upstream.open();
      case 'server forgets sessions':
        return upstream.forgetSessions();
      default:
        return trouble satisfies never;
    }
  }

  /** Another one takes the place of one that is killed. */
  #withClock(aheadSeconds: number): Promise<void> {
    return this.#endOne(async (gateway) => {
      await this.#town.kill(gateway);
      await this.#town.start(clockAhead(aheadSeconds));
    });
  }

  async #endOne(end: (gateway: Town['live'][number]) => Promise<unknown>): Promise<void> {
    const { live } = this.#town;
    if (live.length === 0) return;
    const gateway = this.#dice.of(live);
    await end(gateway);
    await sleep(this.#dice.between(0, 1_500));
    await this.#town.fill(this.#gateways);
  }
}

/** FLUSHALL, as an operator might do it. A Redis that is down has nothing to flush. */
function flush(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('FLUSHALL\r\n'));
    socket.setTimeout(3_000, () => socket.destroy());
    socket.on('data', () => socket.end());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}
