import type { Context, Hono } from 'hono';
import { type EraseRefusal, LONGEST_ERASE_REASON, LONGEST_MATCH, SHORTEST_MATCH } from '../../domain/approval/erase.ts';
import { erasureJson } from '../../domain/call/erasure.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { type DataErasure, eraseData } from '../../gateway/erasure/erase-data.ts';
import { eraseMatching, type MatchedErasure } from '../../gateway/erasure/erase-matching.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { type ApiEnv, bodyObject, strangeMember } from './body.ts';

const NOT_AN_OPERATOR = 'Only operators can erase. The config lists them under operators.';

const BAD_REASON = `reason is a text of 1 to ${LONGEST_ERASE_REASON} characters. It stays in the log.`;

const REFUSALS: Readonly<Record<EraseRefusal, string>> = {
  live: 'This call waits, may still run, or runs. Deny it, take it back or let it end first.',
  owed: 'Its agent has not collected the outcome yet. Try again once it has, or once the outcome is no longer kept.',
  erased: 'It has been erased before.',
  off: 'Calls are not erased here: audit.erasable is off, and this call was asked about while it was.',
  card: 'Its card is being written at this moment. Try again in a minute.',
};

/** `POST /api/approvals/{id}/erase` and `POST /api/erasures`. */
export function erasureRoutes(app: Hono<ApiEnv>, gateway: Gateway): void {
  app.post('/api/approvals/:id/erase', async (c) => {
    const body = await bodyObject(c);
    const strange = typeof body === 'string' ? body : strangeMember(body, ['reason']);
    if (typeof body === 'string' || strange !== null) return c.json({ error: 'bad_body', reason: strange }, 400);
    const reason = reasonIn(body);
    if (reason === null) return c.json({ error: 'bad_reason', reason: BAD_REASON }, 400);
    const done = await eraseData(gateway, c.req.param('id'), reason, operatorOf(c));
    switch (done.kind) {
      case 'erased':
        return c.json(doneJson(c.req.param('id'), done));
      case 'refused':
        return c.json({ error: done.why, reason: REFUSALS[done.why] }, 409);
      case 'not_found':
        return c.json({ error: 'not_found', reason: 'Neither the store nor the log has an approval of this id.' }, 404);
      case 'not_an_operator':
        return c.json({ error: 'not_an_operator', reason: NOT_AN_OPERATOR }, 403);
      default:
        return done satisfies never;
    }
  });

  app.post('/api/erasures', async (c) => {
    const body = await bodyObject(c);
    const strange = typeof body === 'string' ? body : strangeMember(body, ['matching', 'reason', 'dryRun']);
    if (typeof body === 'string' || strange !== null) return c.json({ error: 'bad_body', reason: strange }, 400);
    const text = member(body, 'matching');
    if (
      typeof text !== 'string' ||
      text.length < SHORTEST_MATCH ||
      text.length > LONGEST_MATCH ||
      text.includes('\0')
    ) {
      const reason = `matching is a text of ${SHORTEST_MATCH} to ${LONGEST_MATCH} characters.`;
      return c.json({ error: 'bad_text', reason }, 400);
    }
    const dryRun = member(body, 'dryRun') ?? false;
    if (typeof dryRun !== 'boolean') {
      return c.json({ error: 'bad_body', reason: 'dryRun is true or false: with true nothing is changed.' }, 400);
    }
    const reason = dryRun ? null : reasonIn(body);
    if (reason === null && !dryRun) return c.json({ error: 'bad_reason', reason: BAD_REASON }, 400);
    const found = await eraseMatching(gateway, text.toWellFormed(), reason, operatorOf(c));
    if (found.kind === 'not_an_operator') {
      return c.json({ error: 'not_an_operator', reason: NOT_AN_OPERATOR }, 403);
    }
    const { items, more, samples } = found;
    return c.json({ dryRun, items: items.map(matchedJson), more, samples });
  });
}

/** As it can be kept; null: there is none. */
function reasonIn(body: JsonObject): string | null {
  const given = member(body, 'reason');
  const reason = typeof given === 'string' ? given.replaceAll('\0', '').toWellFormed().trim() : '';
  return reason === '' || reason.length > LONGEST_ERASE_REASON ? null : reason;
}

function doneJson(id: string, { erasure, data, samples }: DataErasure & { kind: 'erased' }): JsonObject {
  const { enclosed, clear, cards } = data;
  return { approval: id, erased: erasureJson(erasure), events: enclosed, clear, cards, samples };
}

function matchedJson({ approval, done }: MatchedErasure): JsonObject {
  const { id, server, tool, grant, state, createdAt } = approval;
  return { approval: id, server, tool, grant, state, createdAt: createdAt.toISOString(), ...outcomeJson(done) };
}

/** `clear`: events of it that stay in the log as they are; null where nothing was erased. */
function outcomeJson(done: DataErasure | null): JsonObject {
  if (done === null) return { outcome: 'found', clear: null };
  if (done.kind === 'refused') return { outcome: done.why, clear: null };
  return { outcome: done.kind, clear: done.kind === 'erased' ? done.data.clear : null };
}

/** Whoever holds the token is `admin`; a signed-in person is who they are. */
function operatorOf(c: Context<ApiEnv>) {
  const { id, via } = c.get('approver');
  return { id, via, roles: c.get('caller').roles };
}
