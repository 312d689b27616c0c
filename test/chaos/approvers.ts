import { setTimeout as sleep } from 'node:timers/promises';
import { CHANNEL, type GatewayProcess } from '../support/gateway.ts';
import type { Dice } from './dice.ts';
import type { Storm } from './storm.ts';
import type { Town } from './town.ts';

/** A word that a gateway acknowledged: it must be found in the record. */
export interface Acknowledged {
  readonly approval: string;
  readonly approver: 'admin' | 'U0MIRA' | 'U0ALEX';
  readonly choice: 'approve' | 'deny';
  readonly at: number;
}

/** People in Slack and somebody with the admin token, deciding what they see. */
export class Approvers {
  /** Decisions over the API that were answered 200. */
  readonly recorded: Acknowledged[] = [];
  /** Clicks that Slack was answered 200; the gateway that took them was not killed soon after. */
  readonly clicked: Acknowledged[] = [];
  readonly #looked = new Map<string, number>();
  readonly #town: Town;
  readonly #dice: Dice;
  readonly #storm: Pick<Storm, 'killed' | 'lastWithoutStore'>;
  readonly #checking: Promise<void>[] = [];
  #stopped = false;

  constructor(town: Town, dice: Dice, storm: Pick<Storm, 'killed' | 'lastWithoutStore'>) {
    this.#town = town;
    this.#dice = dice;
    this.#storm = storm;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      await Promise.all([this.#lookAtSlack(), this.#lookAtList()]).catch(() => undefined);
      await sleep(this.#dice.between(80, 250));
    }
    await Promise.all(this.#checking);
  }

  stop(): void {
    this.#stopped = true;
  }

  async #lookAtSlack(): Promise<void> {
    const cards = this.#town.house.slack
      .messages(CHANNEL)
      .filter((card) => card.text.startsWith('Approval needed') && this.#wants(approvalOf(card), 5));
    await Promise.all(cards.slice(0, 6).map((card) => this.#decideInSlack(card.ts, approvalOf(card), card.text)));
  }

  /** Slack may be down, or its cards late: the admin has the list. */
  async #lookAtList(): Promise<void> {
    if (!this.#dice.one(0.3) || this.#town.live.length === 0) return;
    const gateway = this.#dice.of(this.#town.live);
    const pending = await gateway.approvals('pending');
    await Promise.all(
      pending.filter(({ id }) => this.#wants(id, 3)).map(({ id }) => this.#overApi(id, this.#choice(), gateway)),
    );
  }

  /** Everybody looks at most a few times, and some approvals nobody ever decides. */
  #wants(approval: string, most: number): boolean {
    const looked = this.#looked.get(approval) ?? (this.#dice.one(0.1) ? 99 : 0);
    this.#looked.set(approval, looked + 1);
    return looked < most;
  }

  #choice(): 'approve' | 'deny' {
    return this.#dice.one(0.82) ? 'approve' : 'deny';
  }

  async #decideInSlack(ts: string, approval: string, text: string): Promise<void> {
    const dice = this.#dice;
    if (this.#town.live.length === 0) return;
    const people =
      text.includes('charge') || dice.one(0.2)
        ? (['U0MIRA', 'U0ALEX'] as const)
        : [dice.of(['U0MIRA', 'U0ALEX'] as const)];
    const acts = people.map((user) => this.#click(ts, approval, user));
    // Somebody with the token says something else at the same instant.
    if (dice.one(0.15)) acts.push(this.#overApi(approval, this.#choice(), dice.of(this.#town.live)));
    await Promise.all(acts);
  }

  async #click(ts: string, approval: string, user: 'U0MIRA' | 'U0ALEX'): Promise<void> {
    const { slack } = this.#town.house;
    const gateway = this.#dice.of(this.#town.live);
    slack.interactivityUrl = `${gateway.url}/slack/events`;
    const before = slack.ephemerals(user).length;
    const at = Date.now();
    const click = slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    const { status } = await click.catch(() => ({ status: 0 }));
    if (status !== 200) return;
    this.#checking.push(this.#heard({ approval, approver: user, choice: 'approve', at }, before));
  }

  /** What could not be recorded is told to the person, and may be told late. */
  async #heard(click: Acknowledged, before: number): Promise<void> {
    const { at, approver } = click;
    await sleep(4_000);
    const killed = [...this.#storm.killed.values()].some((when) => when > at - 1_000 && when < at + 4_000);
    // Without its database a gateway can only say so, and Slack may not take that either.
    if (this.#storm.lastWithoutStore > at - 8_000) return;
    if (killed || this.#town.house.slack.ephemerals(approver).length > before) return;
    this.clicked.push(click);
  }

  async #overApi(approval: string, choice: 'approve' | 'deny', gateway: GatewayProcess): Promise<void> {
    const at = Date.now();
    const response = await gateway
      .api(`/api/approvals/${approval}/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ decision: choice, reason: 'chaos' }),
        signal: AbortSignal.timeout(8_000),
      })
      .catch(() => null);
    if (response === null) return;
    await response.text().catch(() => '');
    if (response.status === 200) this.recorded.push({ approval, approver: 'admin', choice, at });
  }
}

function approvalOf(card: { readonly metadata: unknown }): string {
  const { event_payload: payload } = card.metadata as { event_payload: { approval: string } };
  return payload.approval;
}
