import { isOver } from '../../domain/approval/approval.ts';
import { tokenMark } from '../../domain/log/marks.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import type { Seals } from '../../ports.ts';
import { isSpending, type Move, rightsColumn, stateSeal, votesOfChange } from '../approval/commit.ts';
import { eventRow } from '../log/events.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import { decisionText, offersText } from '../table/sealed-rows.ts';

type Columns = readonly (readonly [name: string, type: string])[];

/** What one change of a group brings: what must hold of its row, and what the row becomes. */
export const CHANGE_COLUMNS: Columns = [
  ['id', 'text'],
  ['from_state', 'text'],
  ['revision', 'int'],
  ['to_state', 'text'],
  ['next', 'int'],
  ['seal', 'text'],
  ['is_over', 'boolean'],
  ['patch', 'jsonb'],
  ['events', 'json'],
  ['vote', 'json'],
  ['approver', 'text'],
  ['believed', 'text'],
  ['joiner', 'text'],
  ['token', 'text'],
  ['token_mark', 'text'],
  ['looks', 'text'],
  ['server', 'text'],
  ['principal', 'text'],
  ['grant_name', 'text'],
  ['card', 'jsonb'],
  ['ends_dispatch', 'text'],
  ['never_sent', 'boolean'],
  ['not_ended', 'boolean'],
];

/** A vote, as its row. */
export const VOTE_COLUMNS: Columns = [
  ['approver', 'text'],
  ['choice', 'text'],
  ['reason', 'text'],
  ['via', 'text'],
  ['self', 'boolean'],
  ['user_group', 'text'],
  ['person', 'text'],
  ['rights', 'text'],
  ['offers', 'text'],
  ['at', 'timestamptz'],
  ['seal', 'text'],
];

export type ChangeRow = ReturnType<typeof changeRow>;

/** A change of a group, sealed, and what it brings. It has a vote at most, which is not signed (`mayShare`). */
export function changeRow(seals: Seals, { freezes }: Pick<Beliefs, 'freezes'>, move: Move) {
  const { id, from, to, revision, next, believed, joiner, token, unlessFrozen, card, dispatcher } = move;
  const seal = stateSeal(seals, move);
  const events = move.events.map((event) => eventRow(seals, event));
  const [vote] = votesOfChange(move);
  const spends = isSpending(move);
  const row = {
    ...{ id, from_state: from, revision, to_state: to, next, seal, is_over: isOver(to), patch: patchOf(move), events },
    ...{ believed, joiner, ends_dispatch: dispatcher, never_sent: spends, not_ended: spends || vote !== undefined },
    ...(token === undefined ? {} : { token, token_mark: tokenMark(token) }),
    ...(unlessFrozen === undefined
      ? {}
      : {
          ...{ looks: freezes.judged, server: unlessFrozen.server },
          ...{ principal: unlessFrozen.grant, grant_name: grantNameOf(unlessFrozen.grant) },
        }),
    ...(card === undefined
      ? {}
      : { card: { channel: card.channel, ts: card.ts, revision: card.revision, digest: card.digest } }),
    ...(vote === undefined
      ? {}
      : {
          approver: vote.approver,
          vote: [
            {
              ...{ approver: vote.approver, choice: vote.choice, reason: vote.reason?.toWellFormed() ?? null },
              ...{ via: vote.via, self: vote.self, user_group: vote.userGroup, person: vote.person ?? null },
              ...{ rights: rightsColumn(vote), offers: offersText(vote), at: vote.at },
              seal: seals.seal('decision', decisionText(id, vote)),
            },
          ],
        }),
  };
  return { move, seal, events, row };
}

/** The columns that change, by their names; those that are not named stay. */
function patchOf(move: Move): Readonly<Record<string, unknown>> {
  const { patch = {} } = move;
  const { pickupUntil, leaseUntil, dispatcher, awaits, questions, remindedAt, escalatedAt, note, result, resultUntil } =
    patch;
  return {
    pickup_until: pickupUntil,
    lease_until: leaseUntil,
    dispatcher,
    awaits,
    questions,
    reminded_at: remindedAt,
    escalated_at: escalatedAt,
    note: note?.toWellFormed() ?? note,
    result: result == null ? result : Buffer.from(result).toString('hex'),
    result_until: resultUntil,
    // A pass that was given back was of a call whose server had not asked.
    ...(isSpending(move) ? { awaits: null, questions: 0 } : {}),
  };
}
