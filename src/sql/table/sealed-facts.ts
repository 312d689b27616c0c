import { type CallFacts, type Particulars, unbelievedFacts } from '../../domain/approval/facts.ts';
import type { Seals } from '../../ports.ts';

/**
 * The columns `facts` and `particulars` of an approval: a seal, a blank, and JSON. The seal is over the column's name, the
 * approval's id and that JSON, so that no row's text passes for another's.
 */
export type FactsColumn = 'facts' | 'particulars';

export function sealedFacts(seals: Seals, column: FactsColumn, id: string, value: unknown): string {
  const json = JSON.stringify(value);
  return `${seals.seal('facts', sealedText(column, id, json))} ${json}`;
}

function sealedText(column: FactsColumn, id: string, json: string): string {
  return JSON.stringify([column, id, json]);
}

/** `foreign`: no gateway wrote it. `retired`: a secret that is listed no longer sealed it, so nobody can tell. */
function believed(
  seals: Seals,
  column: FactsColumn,
  id: string,
  text: string,
): { json: string } | 'foreign' | 'retired' {
  const at = text.indexOf(' ');
  const [seal, json] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  if (seals.fits('facts', sealedText(column, id, json), seal)) return { json };
  return seals.maker(seal) === 'retired' ? 'retired' : 'foreign';
}

/** What a row's facts say; a record that no gateway wrote says that instead. null: there are none, or nobody can tell. */
export function factsOf(
  seals: Seals,
  {
    id,
    created_at: at,
    facts,
    particulars,
  }: { id: string; created_at: Date; facts: string | null; particulars: string | null },
): CallFacts | null {
  if (facts === null) return null;
  const found = believed(seals, 'facts', id, facts);
  if (found === 'retired') return null;
  if (found === 'foreign') return unbelievedFacts(at);
  const own = particulars === null ? null : particularsIn(seals, id, particulars);
  const nothing = { at: at.getTime(), destinations: {}, amounts: {} };
  return { ...(JSON.parse(found.json) as Omit<CallFacts, 'particulars'>), particulars: own ?? nothing };
}

/** null: no gateway wrote them, or nobody can tell. */
export function particularsIn(seals: Seals, id: string, text: string): Particulars | null {
  const found = believed(seals, 'particulars', id, text);
  return typeof found === 'string' ? null : (JSON.parse(found.json) as Particulars);
}
