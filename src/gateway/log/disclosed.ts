import { erasureJson } from '../../domain/call/erasure.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import {
  boxName,
  commitmentText,
  type Disclosed,
  type Enclosed,
  enclosedIn,
  enclosedInText,
  readBoxText,
  withDisclosed,
  withoutBox,
} from '../../domain/log/enclosed.ts';
import type { LoggedEvent } from '../../domain/log/event.ts';
import type { Erasures, KeptKey, Records, Vault } from '../../ports.ts';
import { keyIn } from './enclose.ts';

export interface Disclosing {
  readonly erasures: Pick<Erasures, 'keys'>;
  readonly vault: Pick<Vault, 'disclose' | 'open' | 'proof'>;
}

/** An event as far as what is enclosed in it needs. */
type Readable = Pick<LoggedEvent, 'approval' | 'data' | 'disclosed' | 'doubt' | 'type'>;

/**
 * The events with what can be erased of them, as whoever may read them sees it. Of what was erased they say by whom and when
 * (`erased`); what cannot be read although no erasure is known is a doubt. Where nothing is enclosed, nothing is asked.
 */
export async function disclosed<E extends Readable>(parts: Disclosing, events: readonly E[]): Promise<readonly E[]> {
  const approvals = new Set(
    events.flatMap(({ approval, data }) => (approval !== null && enclosedIn(data) ? [approval] : [])),
  );
  if (approvals.size === 0) return events;
  const keys = await parts.erasures.keys([...approvals]);
  return events.map((event) => {
    const { approval, type, data } = event;
    const enclosed = approval === null ? null : enclosedIn(data);
    if (approval === null || enclosed === null) return event;
    const kept = keys.get(approval);
    // Also where a key of before is there again.
    if (kept?.erasure) return { ...event, data: erasedData(data, kept) };
    const opened = openedWith(parts.vault, { approval, type }, enclosed, kept?.key ?? null);
    if (opened !== null) return { ...event, data: withDisclosed(type, data, opened.data), disclosed: opened };
    return { ...event, data: withoutBox(data), doubt: event.doubt ?? 'key' };
  });
}

function erasedData(data: JsonObject, { erasure }: KeptKey): JsonObject {
  return { ...withoutBox(data), erased: erasureJson(erasure!) };
}

/** null: there is no key, or it is not the one, or what it opens is not what was logged. */
function openedWith(
  vault: Disclosing['vault'],
  place: { readonly approval: string; readonly type: string },
  { box, commitment }: Enclosed,
  wrapped: Uint8Array | null,
): Disclosed | null {
  if (wrapped === null) return null;
  try {
    const read = readBoxText(vault.disclose(keyIn(vault, place.approval, wrapped), boxName(place), box));
    if (read === null || vault.proof.sha256(commitmentText(place, read)) !== commitment) return null;
    return { ...read, commitment };
  } catch {
    return null;
  }
}

/** What is enclosed in these events, by their cursors, as far as it can be read. */
export async function disclosedTexts(
  parts: Disclosing,
  events: readonly { readonly n: number; readonly text: string }[],
): Promise<ReadonlyMap<number, Disclosed>> {
  const found = events.flatMap(({ n, text }) => {
    const enclosed = enclosedInText(text);
    return enclosed === null ? [] : [{ n, ...enclosed }];
  });
  const opened = new Map<number, Disclosed>();
  if (found.length === 0) return opened;
  const keys = await parts.erasures.keys([...new Set(found.map(({ approval }) => approval))]);
  for (const { n, enclosed, ...place } of found) {
    const kept = keys.get(place.approval);
    const read = kept?.erasure ? null : openedWith(parts.vault, place, enclosed, kept?.key ?? null);
    if (read !== null) opened.set(n, read);
  }
  return opened;
}

/** The same records, in which nothing is enclosed for those who read them. */
export function disclosedRecords(records: Records, parts: Disclosing): Records {
  return {
    ...records,
    search: async (filter) => {
      const page = await records.search(filter);
      return { ...page, items: await disclosed(parts, page.items) };
    },
    since: async (seq, limit) => disclosed(parts, await records.since(seq, limit)),
    event: async (n) => {
      const event = await records.event(n);
      return event === null ? null : (await disclosed(parts, [event]))[0]!;
    },
    story: async (approval) => disclosed(parts, await records.story(approval)),
  };
}
