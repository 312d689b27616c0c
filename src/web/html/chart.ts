import { html } from 'hono/html';
import type { Html } from './shown.ts';

/** One series of a chart: its class gives the colour, its words the legend. */
export interface Series {
  readonly css: string;
  readonly words: string;
  /** One value a slot. */
  readonly values: readonly number[];
}

export interface Chart {
  /** What it shows, in one sentence with the numbers that matter, for those who do not see it. */
  readonly summary: string;
  readonly series: readonly Series[];
  /** Words of the slots, for the table. */
  readonly slots: readonly string[];
  readonly unit: (value: number) => string;
  /** `stack`: values add up. `overlay`: they stand in front of each other, largest behind. */
  readonly kind: 'stack' | 'overlay';
  /** The scale's top for the largest value; absent: a round number. */
  readonly top?: (most: number) => number;
}

const HEIGHT = 100;
const SLOT = 10;

/** Bars as SVG, made here; the same numbers as a table below, for whoever wants them exactly. */
export function chart({ summary, series, slots, unit, kind, top }: Chart): Html {
  const tops = slots.map((_, i) => {
    const here = series.map((one) => one.values[i] ?? 0);
    return kind === 'stack' ? here.reduce((a, b) => a + b, 0) : Math.max(0, ...here);
  });
  const most = (top ?? niceTop)(Math.max(0, ...tops));
  const bars = slots.map((_, i) => (kind === 'stack' ? stacked(series, i, most) : overlaid(series, i, most)));
  const lines = [0.25, 0.5, 0.75].map(
    (part) => html`<line x1="0" x2="${slots.length * SLOT}" y1="${HEIGHT * part}" y2="${HEIGHT * part}" />`,
  );
  return html`<figure class="chart">
    <div class="plot"><div class="scale" aria-hidden="true"><span>${unit(most)}</span><span>${unit(most / 2)}</span><span>${unit(0)}</span></div>
      <svg role="img" aria-label="${summary}" viewBox="0 0 ${slots.length * SLOT} ${HEIGHT}" preserveAspectRatio="none"><g class="grid">${lines}</g>${bars}</svg>
      <div class="slots" aria-hidden="true"><span>${slots[0] ?? ''}</span><span>${slots[Math.floor(slots.length / 2)] ?? ''}</span><span>${slots.at(-1) ?? ''}</span></div></div>
    <figcaption><ul class="legend">${series.map((one) => html`<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${one.css}" width="10" height="10" rx="2" /></svg>${one.words}</li>`)}</ul></figcaption>
    ${asTable(series, slots, unit)}
  </figure>`;
}

function stacked(series: readonly Series[], slot: number, most: number): Html[] {
  let top = HEIGHT;
  return series.map((one) => {
    const height = ((one.values[slot] ?? 0) / most) * HEIGHT;
    top -= height;
    return bar(one.css, slot, top, height);
  });
}

function overlaid(series: readonly Series[], slot: number, most: number): Html[] {
  return series.map((one) => {
    const height = ((one.values[slot] ?? 0) / most) * HEIGHT;
    return bar(one.css, slot, HEIGHT - height, height);
  });
}

function bar(css: string, slot: number, top: number, height: number): Html {
  if (height <= 0) return html``;
  return html`<rect class="${css}" x="${slot * SLOT + 1.2}" width="${SLOT - 2.4}" y="${top.toFixed(2)}" height="${height.toFixed(2)}" />`;
}

function asTable(series: readonly Series[], slots: readonly string[], unit: Chart['unit']): Html {
  const filled = slots
    .map((words, i) => ({ words, i }))
    .filter(({ i }) => series.some((one) => (one.values[i] ?? 0) > 0));
  return html`<details class="numbers"><summary>As numbers</summary>${
    filled.length === 0
      ? html`<p class="dim">Nothing in this time.</p>`
      : html`<table><thead><tr><th scope="col">From</th>${series.map((one) => html`<th scope="col">${one.words}</th>`)}</tr></thead>
        <tbody>${filled.map(({ words, i }) => html`<tr><th scope="row">${words}</th>${series.map((one) => html`<td>${unit(one.values[i] ?? 0)}</td>`)}</tr>`)}</tbody></table>`
  }</details>`;
}

/** A top that people can halve in their heads. */
function niceTop(most: number): number {
  if (most <= 2) return 2;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= most) ?? 10 * power;
}

const SECOND = 1_000;
const DURATIONS = [2, 4, 10, 20, 40, 60, 120, 240, 600, 1_200, 2_400, 3_600, 7_200, 14_400, 28_800, 57_600];

/** The same for lengths of time, in ms. */
export function niceSpan(most: number): number {
  const found = DURATIONS.find((seconds) => seconds * SECOND >= most);
  return found === undefined ? Math.ceil(most / 172_800_000) * 172_800_000 : found * SECOND;
}

/** A share as a bar of its own, in one line of a table. */
export function share(
  parts: readonly { readonly css: string; readonly value: number }[],
  of: number,
  label: string,
): Html {
  let from = 0;
  const bars = parts.map(({ css, value }) => {
    const width = of <= 0 ? 0 : Math.min(100 - from, (value / of) * 100);
    const made = html`<rect class="${css}" x="${from.toFixed(2)}" width="${width.toFixed(2)}" height="8" />`;
    from += width;
    return made;
  });
  return html`<svg class="share" role="img" aria-label="${label}" viewBox="0 0 100 8" preserveAspectRatio="none"><rect class="rest" width="100" height="8" />${bars}</svg>`;
}
