import { type SampleContent, sampleContent, sampleRow } from '../../domain/replay/sample.ts';
import type { KeptSample, Samples, Vault } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';

/** Samples read at once, and of one server at most. */
const PAGE = 500;
const MOST = 200_000;

/** Removes the samples of these servers that are meant; one that cannot be read is left to its retention. How many they were. */
export async function removeSamples(
  { samples, vault }: { readonly samples: Samples; readonly vault: Pick<Vault, 'open'> },
  servers: readonly string[],
  isMeant: (sample: SampleContent, tool: string) => boolean,
): Promise<number> {
  let removed = 0;
  for (const server of servers) {
    let after: KeptSample | null = null;
    for (let read = 0; read < MOST; ) {
      const page: readonly KeptSample[] = await samples.read({ from: new Date(0), server, after, limit: PAGE });
      const meant = page.filter((sample) => {
        const content = contentOf(vault, sample);
        return content !== null && isMeant(content, sample.tool);
      });
      removed += await samples.remove(meant);
      read += page.length;
      after = page.at(-1) ?? null;
      if (page.length < PAGE) break;
      await breathe();
    }
  }
  return removed;
}

function contentOf(vault: Pick<Vault, 'open'>, sample: KeptSample): SampleContent | null {
  try {
    return sampleContent(new TextDecoder().decode(vault.open('sample', sampleRow(sample), sample.content)), sample);
  } catch {
    return null;
  }
}
