import type { Clock, Sink } from '../ports.ts';
import { webhookSink } from '../sink/webhook.ts';

const SHORTEST = 16;

/** The sink that HOLDFAST_AUDIT_WEBHOOK names; null when it is not set. Throws when it cannot be meant. */
export function auditWebhook(env: Readonly<Record<string, string | undefined>>, clock: Clock): Sink | null {
  const url = env.HOLDFAST_AUDIT_WEBHOOK;
  const secret = env.HOLDFAST_AUDIT_WEBHOOK_SECRET ?? '';
  if (!url) return null;
  // The address may hold a token: it is not repeated.
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new Error('HOLDFAST_AUDIT_WEBHOOK is no http or https URL.');
  }
  if (secret.length < SHORTEST) {
    throw new Error(`HOLDFAST_AUDIT_WEBHOOK_SECRET signs what is sent: set ${SHORTEST} characters or more.`);
  }
  return webhookSink({ url, secret, clock });
}
