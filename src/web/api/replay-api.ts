import type { Context, Hono } from 'hono';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { NO_SUBJECT } from '../../domain/log/event.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Replay } from '../../domain/replay/replay.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { ReadFor, Replays } from '../../gateway/replay/replays.ts';
import { DAY_MS } from '../../time/day.ts';
import { type ApiEnv, bodyObject, strangeMember } from './body.ts';

/** Characters of a policy that is tried, and of a body around it. */
const LONGEST_POLICY = 128 * 1024;
const LONGEST_BODY = 2 * LONGEST_POLICY;
/** Days that are looked back at most. */
const MOST_DAYS = 366;
/** Faults of a policy that are told. */
const MOST_FAULTS = 50;

/**
 * `POST /api/policy/replay {"since","server","policy","format"}` and `POST /api/policy/suggest {"since","server"}`. They
 * change nothing but the log, which says who asked; a policy has no place in an address, so neither is a GET.
 */
export function replayRoutes(app: Hono<ApiEnv>, gateway: Pick<Gateway, 'clock' | 'journal'>, replays: Replays): void {
  const note = (c: Context<ApiEnv>, what: string, server: string | null): void => {
    const actor = actorOf(c.get('approver'));
    gateway.journal.note({
      ...NO_SUBJECT,
      type: 'admin.read',
      at: gateway.clock.now(),
      actor,
      data: { what, of: server },
    });
  };

  app.post('/api/policy/replay', async (c) => {
    const asked = await askedIn(c, ['since', 'server', 'policy', 'format'], gateway.clock.now());
    if (asked instanceof Response) return asked;
    const { body, from, server } = asked;
    const [text, format = 'yaml'] = [member(body, 'policy') ?? null, member(body, 'format') ?? undefined];
    if ((text !== null && typeof text !== 'string') || (format !== 'yaml' && format !== 'json')) {
      return fault(c, 400, 'bad_replay', 'policy is the text of a policy file, and format is yaml or json.');
    }
    if (text !== null && text.length > LONGEST_POLICY) {
      return fault(c, 400, 'bad_replay', `The policy is longer than ${LONGEST_POLICY} characters.`);
    }
    note(c, 'policy replay', server);
    const replayed = await replays.replay({ from, server, policy: text === null ? null : { text, format } });
    if (replayed.kind === 'bad_policy') {
      const faults = replayed.faults.slice(0, MOST_FAULTS).map(({ line, column, path, message, expected }) => {
        return { line, column, path, message, expected };
      });
      const [first] = faults;
      const reason = `The policy has ${replayed.faults.length} faults. The first, in line ${first?.line ?? 0}: ${first?.path ?? ''} ${first?.message ?? ''}.`;
      return c.json({ error: 'bad_policy', reason, faults }, 400);
    }
    if (replayed.kind !== 'replayed') return noAnswer(c, replayed);
    const { policies, read, replay } = replayed;
    return c.json({ ...readJson(read), policies, ...replayJson(replay) });
  });

  app.post('/api/policy/suggest', async (c) => {
    const asked = await askedIn(c, ['since', 'server'], gateway.clock.now());
    if (asked instanceof Response) return asked;
    note(c, 'policy suggest', asked.server);
    const suggested = await replays.suggest(asked);
    if (suggested.kind === 'no_suggestion') {
      return fault(c, 409, 'no_suggestion', `No policy is suggested: ${suggested.why}.`);
    }
    if (suggested.kind !== 'suggested') return noAnswer(c, suggested);
    return c.json({ ...readJson(suggested.read), server: suggested.server, policy: suggested.text });
  });
}

async function askedIn(c: Context<ApiEnv>, known: readonly string[], now: Date) {
  const body = await bodyObject(c, LONGEST_BODY);
  if (typeof body === 'string') return fault(c, 400, 'bad_replay', body);
  const strange = strangeMember(body, known);
  if (strange !== null) return fault(c, 400, 'bad_replay', strange);
  const [since, server] = [member(body, 'since'), member(body, 'server') ?? null];
  const from = typeof since === 'string' ? new Date(since) : null;
  const oldest = now.getTime() - MOST_DAYS * DAY_MS;
  if (from === null || Number.isNaN(from.getTime()) || from.getTime() < oldest || from > now) {
    return fault(c, 400, 'bad_replay', `since is a time of the last ${MOST_DAYS} days, such as 2026-11-22T10:00:00Z.`);
  }
  if (server !== null && (typeof server !== 'string' || server.length > 200)) {
    return fault(c, 400, 'bad_replay', 'server is the name of a server of the config.');
  }
  return { body, from, server };
}

function noAnswer(
  c: Context<ApiEnv>,
  {
    kind,
    ...more
  }:
    | { readonly kind: 'unknown_server' | 'which_server'; readonly servers: readonly string[] }
    | { readonly kind: 'busy' | 'too_slow' },
): Response {
  const servers = 'servers' in more ? more.servers.join(', ') : '';
  switch (kind) {
    case 'unknown_server':
      return fault(c, 404, 'unknown_server', `The config has no such server. It has ${servers}.`);
    case 'which_server':
      return fault(c, 400, 'which_server', `Say which server it is about: ${servers}.`);
    case 'busy':
      return fault(c, 409, 'busy', 'Another replay runs here. Try again when it has ended.');
    case 'too_slow':
      return fault(
        c,
        409,
        'too_slow',
        'This takes too long beside other work. Try fewer days, one server, or a policy with simpler conditions.',
      );
    default:
      return kind satisfies never;
  }
}

function readJson({ from, until, cutShort, doubted, sampled }: ReadFor): JsonObject {
  return { from: from.toISOString(), until: until.toISOString(), cutShort, doubted, sampled };
}

function replayJson({ changes, unknowns, limits, ...sums }: Replay): JsonObject {
  return {
    ...sums,
    changes: changes.map((change) => ({
      ...change,
      calls: change.calls.map(({ n, at, approval }) => ({ n, at: at.toISOString(), approval })),
    })),
    unknowns: unknowns.map((one) => ({ ...one })),
    limits: limits.map((one) => ({ ...one })),
  };
}

function fault(c: Context, status: 400 | 404 | 409, error: string, reason: string): Response {
  return c.json({ error, reason }, status);
}
