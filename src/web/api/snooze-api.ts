import type { Context, Hono } from 'hono';
import type { RefusalReason } from '../../domain/approval/decide.ts';
import { MOST_SNOOZE_MINUTES, MOST_SNOOZES, type Snooze } from '../../domain/approval/snooze.ts';
import { member } from '../../domain/json/json.ts';
import { withSlackGroups } from '../../gateway/decision/slack-groups.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { endSnooze, snooze } from '../../gateway/snooze/snooze.ts';
import { snoozedBy } from '../../gateway/snooze/without-snoozed.ts';
import { type ApiEnv, bodyObject, strangeMember } from './body.ts';

/** `POST|DELETE /api/approvals/{id}/snooze` and `GET /api/snoozes`: what the caller put aside for themselves. */
export function snoozeRoutes(
  app: Hono<ApiEnv>,
  gateway: Gateway,
  { refusals }: { readonly refusals: Readonly<Record<RefusalReason, string>> },
): void {
  app.get('/api/snoozes', async (c) =>
    c.json({ items: (await snoozedBy(gateway, c.get('approver').id)).map(snoozeJson), next: null }),
  );

  app.post('/api/approvals/:id/snooze', async (c) => {
    const body = await bodyObject(c);
    const strange = typeof body === 'string' ? body : strangeMember(body, ['minutes']);
    if (typeof body === 'string' || strange !== null) return fault(c, 400, 'bad_snooze', strange ?? '');
    const minutes = member(body, 'minutes');
    if (typeof minutes !== 'number' || !Number.isInteger(minutes) || minutes < 1 || minutes > MOST_SNOOZE_MINUTES)
      return fault(c, 400, 'bad_snooze', `minutes is a whole number from 1 to ${MOST_SNOOZE_MINUTES}.`);
    const id = c.req.param('id').slice(0, 100);
    const found = await gateway.store.find(id);
    const approver = c.get('approver');
    const by =
      found === null || approver.id === 'admin' ? approver : await withSlackGroups(gateway, found, approver, 'deny');
    const snoozed = await snooze(gateway, id, minutes, by);
    switch (snoozed.kind) {
      case 'snoozed':
        return c.json({ approval: id, until: snoozed.until.toISOString() });
      case 'not_found':
        return fault(c, 404, 'not_found', 'There is no such approval or path.');
      case 'not_snoozed':
        if (snoozed.reason === 'too_many')
          return fault(c, 409, 'too_many', `You have snoozed ${MOST_SNOOZES} calls, which is the most.`);
        if (snoozed.reason === 'expires_before')
          return fault(c, 409, 'expires_before', 'It would expire before you see it again, or too soon after.');
        if (snoozed.reason === 'already_decided' || snoozed.reason === 'expired')
          return fault(c, 409, snoozed.reason, refusals[snoozed.reason]);
        return fault(c, 403, snoozed.reason, refusals[snoozed.reason]);
      default:
        return snoozed satisfies never;
    }
  });

  app.delete('/api/approvals/:id/snooze', async (c) => {
    const id = c.req.param('id').slice(0, 100);
    const ended = await endSnooze(gateway, id, c.get('approver'));
    return ended ? c.json({ approval: id }) : fault(c, 404, 'not_found', 'You have not snoozed this call.');
  });
}

function snoozeJson({ approval, at, until }: Snooze) {
  return { approval, at: at.toISOString(), until: until.toISOString() };
}

function fault(c: Context, status: 400 | 403 | 404 | 409, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
