import { enclosedInText } from '../../domain/log/enclosed.ts';
import { loggedErasure } from '../../domain/log/erased.ts';
import { ArchivedStory } from '../../gateway/archive/archived-story.ts';
import { FolderReader, orderedHeads } from '../../gateway/archive/segment-reader.ts';
import { noLonger } from '../../gateway/archive/segments.ts';
import { disclosed } from '../../gateway/log/disclosed.ts';
import { exportLog } from '../../gateway/log/export.ts';
import { takeEvidence } from '../../gateway/log/take-evidence.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { terminalSecret } from '../../main/process/terminal-secret.ts';
import type { ProvenEvent } from '../../ports.ts';
import { rowSeals } from '../../vault/row-seals.ts';
import { vault } from '../../vault/vault.ts';
import { Misuse } from '../parse/misuse.ts';
import { evidenceProof } from './evidence-proof.ts';
import { findingIn } from './finding.ts';
import { linesOf } from './lines.ts';
import { hasLedger, type OpenLedger, openLedger } from './open-ledger.ts';
import { dataDirectory, ownSecrets } from './own-keys.ts';
import { segmentFolder } from './segment-folder.ts';

interface ArchivedEvidenceOptions {
  readonly id: string;
  readonly segments: string;
  readonly export?: string;
  readonly data?: string;
}

/**
 * The evidence of a decision whose events left the database, from segments and from the database or an export, signed on this
 * machine: whoever has HOLDFAST_SECRET can. What cards showed and the policy's text are in the database only.
 */
export async function archivedEvidence(options: ArchivedEvidenceOptions, terminal: Terminal): Promise<string> {
  if (options.export === '-') throw new Misuse('--export takes a file here: it is read twice.');
  const data = dataDirectory(options.data, terminal);
  const [first, ...others] = ownSecrets(data, terminal);
  if (first === undefined) throw new Misuse('Set HOLDFAST_SECRET: evidence is signed with the key of the log.');
  const folder = await segmentFolder(options.segments, terminal.env);
  const { heads, problems } = orderedHeads(folder, evidenceProof());
  if (problems.length > 0) throw new Error(`${problems[0]}. Run: holdfast audit verify --segments ${options.segments}`);
  const url = terminalSecret(terminal, 'DATABASE_URL');
  const again = `holdfast audit evidence ${options.id} --segments ${options.segments} --export audit.jsonl`;
  const instead = `holdfast audit export --cards > audit.jsonl && ${again}`;
  const open = options.export === undefined && hasLedger(data, url) ? await openLedger(data, url, instead) : null;
  try {
    await requireFit(folder, options, open, vault([first, ...others]).publicKeys);
    const story = new ArchivedStory(options.id);
    for (const { head } of heads) {
      for await (const lines of noLonger(folder.read(head.file).portions, head.unpacked)) {
        for (const line of lines) story.line(line);
      }
    }
    if (options.export !== undefined) for await (const line of linesOf(options.export)) story.line(line);
    if (open !== null) await readOn(open, story);
    const beside = open?.records ?? { cards: async () => new Map<string, string>(), policyText: async () => null };
    const secrets = [first, ...others] as const;
    const parts = { clock: { now: () => new Date() }, ledger: story.ledger, vault: vault([...secrets]) };
    const records = story.records(beside);
    const taken = await takeEvidence(parts, { ...records, story: told }, options.id);

    /** What can be erased is in the segments as a box, and its key in the database. */
    async function told(id: string): Promise<readonly ProvenEvent[]> {
      const events = await records.story(id);
      if (open !== null)
        return disclosed({ erasures: open.erasures(rowSeals([...secrets])), vault: parts.vault }, events);
      const isBoxed = events.some(({ text }) => enclosedInText(text) !== null);
      if (!isBoxed || events.some((event) => loggedErasure(event) !== null)) return events;
      throw new Error(
        `What was said of ${id} can be erased, so its key is in the database. Give DATABASE_URL, or stop the gateway and give --data, and leave out --export.`,
      );
    }
    if (taken.kind === 'taken') return taken.line;
    if (taken.kind === 'no_key') {
      throw new Error('The key that signs the log is of another secret than HOLDFAST_SECRET lists.');
    }
    throw new Error(`Neither the segments nor the rest of the log has an event about ${options.id}.`);
  } finally {
    await open?.close();
  }
}

/** What is signed here has to be what the log says: all of it is verified before, with this machine's keys. */
async function requireFit(
  folder: Parameters<typeof orderedHeads>[0] & ConstructorParameters<typeof FolderReader>[0],
  options: ArchivedEvidenceOptions,
  open: OpenLedger | null,
  keys: readonly string[],
): Promise<void> {
  const [trust, reader] = [{ keys, elsewhere: [] }, new FolderReader(folder)];
  const found = await findingIn({ export: options.export, ledger: open?.ledger ?? null, segments: reader }, trust);
  const faults = found.report.faults.length + found.problems.length + (found.segmentProblems ?? []).length;
  if (faults > 0)
    throw new Error(
      `The log does not fit, so no evidence is taken of it. Run: holdfast audit verify --segments ${options.segments}`,
    );
}

async function readOn({ ledger }: Pick<OpenLedger, 'ledger'>, story: ArchivedStory): Promise<void> {
  for await (const portion of exportLog(ledger, new Date(), []))
    for (const line of portion.split('\n')) story.line(line);
}
