import type { Hono } from 'hono';
import { NO_SUBJECT } from '../../domain/log/event.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { type EvidenceRecords, takeEvidence } from '../../gateway/log/take-evidence.ts';
import type { ApiEnv } from './body.ts';

const NO_KEY =
  'This process does not list the secret whose key signs the log, so it cannot sign evidence. Ask another replica, or list the secret.';

/** `GET /api/approvals/{id}/evidence`: one signed line, for `holdfast audit verify --evidence`. Who took it is logged. */
export function evidenceRoutes(app: Hono<ApiEnv>, gateway: Gateway, records: EvidenceRecords): void {
  app.get('/api/approvals/:id/evidence', async (c) => {
    const id = c.req.param('id');
    const taken = await takeEvidence(gateway, records, id);
    if (taken.kind === 'not_found') {
      return c.json({ error: 'not_found', reason: 'The log has no event about an approval of this id.' }, 404);
    }
    if (taken.kind === 'archived') {
      const { segments, until } = taken;
      const reason =
        `The database has the log after ${until} only, and no beginning of an approval of this id. What is older is archived in ` +
        `${segments === 1 ? 'a segment' : `${segments} segments`}: holdfast audit evidence ${id} --segments DIR`;
      return c.json({ error: 'archived', reason }, 404);
    }
    if (taken.kind === 'no_key') return c.json({ error: 'no_key', reason: NO_KEY }, 409);
    const data = { what: 'evidence', approval: id };
    const actor = actorOf(c.get('approver'));
    gateway.journal.note({ ...NO_SUBJECT, type: 'admin.read', at: gateway.clock.now(), actor, data });
    return c.body(taken.line, 200, {
      'content-type': 'application/json',
      'content-disposition': `attachment; filename="evidence-${id.replace(/[^A-Za-z0-9_-]/g, '')}.json"`,
    });
  });
}
