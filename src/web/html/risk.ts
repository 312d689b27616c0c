import { html } from 'hono/html';
import type { Risk, Severity } from '../../domain/tool/risk.ts';
import type { Html } from './html.ts';

/** One shape for each risk, in a square of 16. */
const SHAPES = {
  read: html`<circle cx="8" cy="8" r="5.5" />`,
  write: html`<rect x="2.5" y="2.5" width="11" height="11" rx="2" />`,
  execute: html`<path d="m2 3 5 5-5 5M8 13h6.5" />`,
  financial: html`<path d="M8 1 15 8 8 15 1 8Z" />`,
  destructive: html`<path d="M8 .8 15.6 15H.4Z" />`,
} as const satisfies Record<Risk, Html>;

/** What the tool does and how bad a wrong call is: by shape, word and, where it is grave, colour. Empty when neither is stated. */
export function riskBadge(risk: Risk | null, severity: Severity | null): Html {
  if (risk === null && severity === null) return html``;
  const grave =
    severity === 'high' ||
    severity === 'critical' ||
    risk === 'execute' ||
    risk === 'destructive' ||
    risk === 'financial';
  const shape =
    risk === null ? '' : html`<svg class="shape ${risk}" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[risk]}</svg>`;
  const words = [risk, severity === null ? null : `${severity} severity`].filter((word) => word !== null).join(' · ');
  return html`<span class="badge risk ${grave ? 'bad' : 'dull'}">${shape}${words}</span>`;
}
