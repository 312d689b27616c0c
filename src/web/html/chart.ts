import { html } from 'hono/html';
import type { Html } from './html.ts';

/** One series of a chart. */
export interface ChartSeries {
  /** The CSS class that gives the colour. */
  readonly css: string;
  /** The name in the legend and in the table's head. */
  readonly label: string;
  /** One value per slot. */
  readonly values: readonly number[];
}

export interface ChartData {
  /** What the chart shows, in one sentence with the important numbers, for screen readers. */
  readonly summary: string;
  readonly series: readonly ChartSeries[];
  /** One label per slot, for the axis and the table. */
  readonly slotLabels: readonly string[];
  /** A value as text, with its unit. */
  readonly unit: (value: number) => string;
  /** `stack`: values add up. `overlay`: bars overlap, so the series with the largest values comes first. */
  readonly kind: 'stack' | 'overlay';
  /** The top of the scale for a given largest value; absent: a round number. */
  readonly top?: (largest: number) => number;
}

const HEIGHT = 100;
const SLOT = 10;

/** A bar chart as SVG, with a table of the exact numbers to unfold below it. */
export function chart({ summary, series, slotLabels, unit, kind, top = roundUp }: ChartData): Html {
  const tops = slotLabels.map((_, i) => {
    const values = series.map((each) => each.values[i] ?? 0);
    return kind === 'stack' ? values.reduce((a, b) => a + b, 0) : Math.max(0, ...values);
  });
  const scaleTop = top(Math.max(0, ...tops));
  const bars = slotLabels.map((_, i) =>
    kind === 'stack' ? stacked(series, i, scaleTop) : overlaid(series, i, scaleTop),
  );
  const lines = [0.25, 0.5, 0.75].map(
    (part) => html`<line x1="0" x2="${slotLabels.length * SLOT}" y1="${HEIGHT * part}" y2="${HEIGHT * part}" />`,
  );
  return html`<figure class="chart">
    <div class="plot"><div class="scale" aria-hidden="true"><span>${unit(scaleTop)}</span><span>${unit(scaleTop / 2)}</span><span>${unit(0)}</span></div>
      <svg role="img" aria-label="${summary}" viewBox="0 0 ${slotLabels.length * SLOT} ${HEIGHT}" preserveAspectRatio="none"><g class="grid">${lines}</g>${bars}</svg>
      <div class="slots" aria-hidden="true"><span>${slotLabels[0] ?? ''}</span><span>${slotLabels[Math.floor(slotLabels.length / 2)] ?? ''}</span><span>${slotLabels.at(-1) ?? ''}</span></div></div>
    <figcaption><ul class="legend">${series.map(({ css, label }) => html`<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${css}" width="10" height="10" rx="2" /></svg>${label}</li>`)}</ul></figcaption>
    ${asTable(series, slotLabels, unit)}
  </figure>`;
}

function stacked(series: readonly ChartSeries[], slot: number, scaleTop: number): Html[] {
  let top = HEIGHT;
  return series.map(({ css, values }) => {
    const height = ((values[slot] ?? 0) / scaleTop) * HEIGHT;
    top -= height;
    return bar(css, slot, top, height);
  });
}

function overlaid(series: readonly ChartSeries[], slot: number, scaleTop: number): Html[] {
  return series.map(({ css, values }) => {
    const height = ((values[slot] ?? 0) / scaleTop) * HEIGHT;
    return bar(css, slot, HEIGHT - height, height);
  });
}

function bar(css: string, slot: number, top: number, height: number): Html {
  if (height <= 0) return html``;
  return html`<rect class="${css}" x="${slot * SLOT + 1.2}" width="${SLOT - 2.4}" y="${top.toFixed(2)}" height="${height.toFixed(2)}" />`;
}

function asTable(series: readonly ChartSeries[], slotLabels: readonly string[], unit: ChartData['unit']): Html {
  const filled = slotLabels
    .map((slotLabel, i) => ({ slotLabel, i }))
    .filter(({ i }) => series.some(({ values }) => (values[i] ?? 0) > 0));
  return html`<details class="numbers"><summary>As numbers</summary>${
    filled.length === 0
      ? html`<p class="dim">Nothing in this period.</p>`
      : html`<table><thead><tr><th scope="col">From</th>${series.map(({ label }) => html`<th scope="col">${label}</th>`)}</tr></thead>
        <tbody>${filled.map(({ slotLabel, i }) => html`<tr><th scope="row">${slotLabel}</th>${series.map(({ values }) => html`<td>${unit(values[i] ?? 0)}</td>`)}</tr>`)}</tbody></table>`
  }</details>`;
}

/** A round number at or above `largest` that is easy to halve, because the scale is labelled at its middle. */
function roundUp(largest: number): number {
  if (largest <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(largest));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= largest) ?? 10 * power;
}

const SECOND = 1_000;
/** Seconds. */
const DURATIONS = [2, 4, 10, 20, 40, 60, 120, 240, 600, 1_200, 2_400, 3_600, 7_200, 14_400, 28_800, 57_600];

/** The same for durations in ms: a round duration at or above `largest`; above 16 hours, a multiple of two days. */
export function roundDurationUp(largest: number): number {
  const found = DURATIONS.find((seconds) => seconds * SECOND >= largest);
  return found === undefined ? Math.ceil(largest / 172_800_000) * 172_800_000 : found * SECOND;
}

/** A small horizontal bar for a table cell: each part as its share of `total`. `label` is for screen readers. */
export function shareBar(
  parts: readonly { readonly css: string; readonly value: number }[],
  total: number,
  label: string,
): Html {
  let from = 0;
  const bars = parts.map(({ css, value }) => {
    const width = total <= 0 ? 0 : Math.min(100 - from, (value / total) * 100);
    const bar = html`<rect class="${css}" x="${from.toFixed(2)}" width="${width.toFixed(2)}" height="8" />`;
    from += width;
    return bar;
  });
  return html`<svg class="share" role="img" aria-label="${label}" viewBox="0 0 100 8" preserveAspectRatio="none"><rect class="rest" width="100" height="8" />${bars}</svg>`;
}
