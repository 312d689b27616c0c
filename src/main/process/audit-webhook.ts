import type { Secrets } from '../../config/secrets.ts';
import type { Clock, Sink } from '../../ports.ts';
import { webhookSink } from '../../sink/webhook.ts';

/** The sink that HOLDFAST_AUDIT_WEBHOOK names; null when it is not set. */
export function auditWebhook({ auditWebhook: to }: Pick<Secrets, 'auditWebhook'>, clock: Clock): Sink | null {
  return to === null ? null : webhookSink({ ...to, clock });
}
