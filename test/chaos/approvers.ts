import { setTimeout as sleep } from 'node:timers/promises';
import { CHANNEL } from '../support/gateway/program.ts';
import type { Dice } from './dice.ts';
import { MOST_ALLOWED, type Town } from './town.ts';

/** A vote that a gateway acknowledged: it must be on record, unless its person was told that it is not. */
export interface Acknowledged {
  readonly approval: string;
  readonly approver: 'admin' | 'U0MIRA' | 'U0ALEX';
  readonly choice: 'approve' | 'deny';
}

/** How the people behave. */
export interface Manners {
  /** The share of approvals that nobody looks at, from 0 to 1. */
  readonly ignored: number;
  /** How many times one approval is decided while it is pending: in Slack, and from the list. */
  readonly looks: readonly [number, number];
  /** How many cards, and how many entries of the list, are decided at one look. */
  readonly atOnce: number;
  /** The address at which Slack and the admin find a gateway now; null: there is none. */
  readonly address: () => string | null;
}

/** People in Slack and somebody with the admin token, deciding what they see. */
export class TownApprovers {
  /** Decisions over the API that were answered 200. */
  readonly recorded: Acknowledged[] = [];
  /** Allowances that were revoked, and when that was answered. */
  readonly revoked: { readonly id: string; readonly at: number }[] = [];
  /** Clicks to which Slack got the answer 200. */
  readonly clicked: Acknowledged[] = [];
  /** Clicks to which it did not, and why. */
  readonly unanswered: string[] = [];
  /** They decide four times as many at one look. */
  hurry = false;
  readonly #looked = new Map<string, number>();
  readonly #town: Town;
  readonly #dice: Dice;
  readonly #manners: Manners;
  #stopped = false;

  constructor(town: Town, dice: Dice, manners: Manners) {
    this.#town = town;
    this.#dice = dice;
    this.#manners = manners;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      await Promise.all([this.#lookAtSlack(), this.#lookAtList()]).catch(() => undefined);
      await sleep(this.#dice.between(80, 250));
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  async #lookAtSlack(): Promise<void> {
    const cards = this.#town.house.slack
      .messages(CHANNEL)
      .filter((card) => card.text.includes('Approval needed: '))
      .map((card) => ({ ...card, approval: approvalOf(card) }));
    const chosen = this.#choose(cards, ({ approval }) => approval, this.#manners.looks[0]);
    await Promise.all(chosen.map(({ ts, approval, text }) => this.#decideInSlack(ts, approval, text)));
  }

  /** Slack may be down or its cards late; the admin still has the list. */
  async #lookAtList(): Promise<void> {
    if (!this.#dice.one(0.3)) return;
    const response = await this.#api('/api/approvals?limit=500&state=pending', {});
    if (response?.status !== 200) return;
    const { items } = (await response.json()) as { items: { id: string }[] };
    const chosen = this.#choose(items, ({ id }) => id, this.#manners.looks[1]);
    await Promise.all(chosen.map(({ id }) => this.#overApi(id)));
  }

  /** Chooses what to decide: each approval at most `looks` times, and some never. */
  #choose<T>(all: readonly T[], nameOf: (one: T) => string, looks: number): T[] {
    const chosen: T[] = [];
    const most = this.#manners.atOnce * (this.hurry ? 4 : 1);
    for (const one of all) {
      if (chosen.length === most) break;
      const name = nameOf(one);
      const looked = this.#looked.get(name) ?? (this.#dice.one(this.#manners.ignored) ? Number.POSITIVE_INFINITY : 0);
      this.#looked.set(name, looked + 1);
      if (looked < looks) chosen.push(one);
    }
    return chosen;
  }

  #choice(): 'approve' | 'deny' {
    return this.#dice.one(0.82) ? 'approve' : 'deny';
  }

  async #decideInSlack(ts: string, approval: string, text: string): Promise<void> {
    const dice = this.#dice;
    // Sometimes the like is allowed too, which is done over the API here.
    if (text.includes('create_key') && dice.one(0.25)) return this.#overApi(approval, true);
    const people =
      text.includes('charge') || dice.one(0.2)
        ? (['U0MIRA', 'U0ALEX'] as const)
        : [dice.of(['U0MIRA', 'U0ALEX'] as const)];
    const acts = people.map((user) => this.#click(ts, approval, user));
    // Somebody with the admin token may decide otherwise at the same instant.
    if (dice.one(0.15)) acts.push(this.#overApi(approval));
    await Promise.all(acts);
  }

  async #click(ts: string, approval: string, user: 'U0MIRA' | 'U0ALEX'): Promise<void> {
    const { slack } = this.#town.house;
    const address = this.#manners.address();
    if (address === null) return;
    slack.interactivityUrl = `${address}/slack/events`;
    const click = slack.click({ user, channel: CHANNEL, ts, actionId: 'approve' });
    const { status, body } = await click.catch((error: Error) => ({ status: 0, body: error.message }));
    if (status === 200) this.clicked.push({ approval, approver: user, choice: 'approve' });
    else this.unanswered.push(`${approval}: ${status} ${body}`);
  }

  async #overApi(approval: string, wide = false): Promise<void> {
    const choice = wide ? 'approve' : this.#choice();
    // Refused for the tools that offer none: then nobody was told that anything is recorded.
    const isWide = wide || (choice === 'approve' && this.#dice.one(0.3));
    const allowance = isWide ? { allowance: { minutes: 1, calls: MOST_ALLOWED } } : undefined;
    const response = await this.#api(`/api/approvals/${approval}/decisions`, {
      method: 'POST',
      body: JSON.stringify({ decision: choice, reason: 'chaos', ...allowance }),
    });
    if (response === null) return;
    const text = await response.text().catch(() => '');
    if (response.status !== 200) return;
    this.recorded.push({ approval, approver: 'admin', choice });
    if (allowance !== undefined && this.#dice.one(0.5)) await this.#revoke(text);
  }

  /** Some uses later. */
  async #revoke(decided: string): Promise<void> {
    const { gave } = JSON.parse(decided) as { gave: { allowance: { id: string } | null } };
    if (gave.allowance === null) return;
    const { id } = gave.allowance;
    await sleep(this.#dice.between(50, 1_500));
    const response = await this.#api(`/api/allowances/${id}`, { method: 'DELETE', body: '{}' });
    await response?.text().catch(() => '');
    if (response?.status === 200) this.revoked.push({ id, at: Date.now() });
  }

  async #api(path: string, init: RequestInit): Promise<Response | null> {
    const address = this.#manners.address();
    if (address === null) return null;
    const authorization = `Bearer ${this.#town.house.adminToken}`;
    const headers = { authorization, 'content-type': 'application/json' };
    return fetch(address + path, { ...init, headers, signal: AbortSignal.timeout(8_000) }).catch(() => null);
  }
}

function approvalOf(card: { readonly metadata: unknown }): string {
  const { event_payload: payload } = card.metadata as { event_payload: { approval: string } };
  return payload.approval;
}
