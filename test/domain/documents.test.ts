import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import manifest from '../../package.json' with { type: 'json' };
import { runCommandLine } from '../../src/cli/command-line.ts';
import { APPROVAL_DEFAULTS } from '../../src/config/config.ts';
import { API_ROUTES } from '../../src/web/openapi/api-routes.ts';
import { type Block, blocksOf, PAGES, placeOf, proseOf } from '../support/pages/blocks.ts';
import { linesOf, misspelt, spokenOf, wordsOfOurs } from '../support/pages/commands.ts';
import { configKeys, DEFAULTS } from '../support/pages/config-keys.ts';
import { faultsOf, kindOf } from '../support/pages/examples.ts';
import { brokenLinks } from '../support/pages/links.ts';
import { notSaid } from '../support/pages/messages.ts';
import { keptTerminal } from '../support/terminal.ts';

const BLOCKS = PAGES.flatMap(blocksOf);
const of = (kind: string): Block[] => BLOCKS.filter((block) => block.kind === kind);

async function holdfast(words: readonly string[], cwd = process.cwd()) {
  const { terminal, said } = keptTerminal({ cwd });
  return { code: await runCommandLine(words, terminal), said: said() };
}

describe('what the documents show', () => {
  test('every block says what it is', () => {
    const kinds = new Set(['sh', 'yaml', 'json', 'text', 'ini', 'toml', 'ts', 'python']);
    assert.deepEqual(BLOCKS.filter(({ kind }) => !kinds.has(kind)).map(placeOf), []);
    assert.ok(of('yaml').length > 20 && of('sh').length > 10 && of('json').length > 4);
  });

  for (const block of of('yaml')) {
    test(`${placeOf(block)}: YAML that loads`, () => assert.deepEqual(faultsOf(block.text), []));
  }

  for (const block of of('json')) {
    test(`${placeOf(block)}: JSON`, () => assert.doesNotThrow(() => JSON.parse(block.text)));
  }

  for (const block of of('sh')) {
    test(`${placeOf(block)}: commands that there are`, async () => {
      for (const line of linesOf(block)) {
        const ours = wordsOfOurs(line);
        if (ours !== null) assert.equal(await misspelt(ours, true), null, line);
        else assert.equal(foreignFault(line), null, line);
      }
    });
  }

  for (const page of PAGES) {
    test(`${page}: commands in its text, and links`, async () => {
      for (const words of spokenOf(page))
        assert.equal(await misspelt(words, false), null, `holdfast ${words.join(' ')}`);
      assert.deepEqual(brokenLinks(page), []);
    });
  }

  test('commands that need nothing but this folder run', async () => {
    const alone = /^(completion \w+|policy (check|test|explain|schema).*|grant new .*|.*--help|--version)$/;
    const spoken = [...of('sh').flatMap(linesOf).map(wordsOfOurs), ...PAGES.flatMap(spokenOf)]
      .filter((words): words is string[] => words !== null && alone.test(words.join(' ')))
      .filter((words) => !words.some((word) => /^[A-Z]+$|^<|mine/.test(word)));
    assert.ok(spoken.length > 8, String(spoken.length));
    for (const words of spoken) {
      // A command with too little to do anything is only named.
      if ((await misspelt(words, true)) !== null || (words[0] === 'policy' && words.length < 3)) continue;
      const { code, said } = await holdfast(words);
      assert.equal(code, 0, `holdfast ${words.join(' ')}: ${said}`);
    }
  });

  test('variables that the documents name are read by the program', () => {
    const source = sourceText();
    for (const page of PAGES) {
      for (const [name] of readFileSync(page, 'utf8').matchAll(/\bHOLDFAST_[A-Z_]*[A-Z]\b/g)) {
        const known =
          source.includes(name.replace(/_FILE$/, '')) || /^HOLDFAST_(FILES|SHARD|TEST_REQUIRE|AUDIT)$/.test(name);
        assert.ok(known, `${page} names ${name}`);
      }
    }
  });
});

/** What is wrong with a line of a shell that runs something else; null: nothing that can be seen. */
function foreignFault(line: string): string | null {
  const script = /^npm run (?:-s )?(\w+)/.exec(line)?.[1] ?? /^npm (test|start)\b/.exec(line)?.[1];
  if (script !== undefined) return Object.hasOwn(manifest.scripts, script) ? null : 'no such script';
  const file = /^node (\S+)/.exec(line)?.[1];
  if (file !== undefined) return existsSync(file) ? null : 'no such file';
  const path = /^curl .*https?:\/\/[^/\s]+(\/[^\s?'"]*)/.exec(line)?.[1];
  if (path !== undefined) {
    const known = API_ROUTES.some((route) => new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path));
    return known ? null : 'no such route';
  }
  const programs =
    /^(?:[A-Z_]+=\S* )*(?:\(umask 077; )?(cd|npm|npx|docker|wrangler|openssl|mkdir|export|for|done|source|chmod|sudo|systemctl|code|claude|git|psql|redis-cli)\b/;
  return programs.test(line) ? null : 'a program that is not expected here';
}

function sourceText(): string {
  return notSaid.source();
}

describe('docs/configuration.md', () => {
  const page = readFileSync('docs/configuration.md', 'utf8');
  const rows = new Map(
    [...page.matchAll(/^\| `([^`]+)` \| (.*) \| (.*) \|$/gm)].map(([, key = '', meaning = '', standard = '']) => [
      key,
      { meaning, standard },
    ]),
  );

  test('has every key that is read, and no other', () => {
    const groups = [
      'servers',
      'grants',
      'slack',
      'approval',
      'approval.hold',
      'approvals',
      'sessions',
      'audit',
      'audit.samples',
      'slack.channels',
    ];
    const expected = configKeys()
      .map(({ key }) => key)
      .filter((key) => !groups.includes(key) && key !== 'servers.*.sandbox.bubblewrap');
    assert.deepEqual([...rows.keys()].sort(), expected.sort());
  });

  test('says what is the default of each, and those that the program has', () => {
    for (const [key, { standard }] of rows) assert.notEqual(standard.trim(), '', key);
    for (const [key, standard] of Object.entries(DEFAULTS)) {
      assert.ok(rows.get(key)?.standard.replaceAll('`', '').startsWith(standard), `${key}: ${standard}`);
    }
    const clients = rows.get('approval.hold.clients')?.standard ?? '';
    for (const { name, ms } of APPROVAL_DEFAULTS.hold.clients) {
      assert.match(clients, new RegExp(`\`${name.replace('*', '\\*')}\`[^:]*: \`${ms / 1_000}s\``));
    }
  });

  test('says the bounds of each', () => {
    for (const { key, bounds } of configKeys()) {
      for (const bound of bounds) {
        const { meaning = '' } = rows.get(key) ?? {};
        assert.ok(meaning.includes(bound.toLocaleString('en-US')), `${key}: ${bound}`);
      }
    }
  });
});

describe('docs/cookbook.md', () => {
  const blocks = blocksOf('docs/cookbook.md');

  test('has twelve policies, each followed by calls and what becomes of them', () => {
    assert.equal(blocks.filter(({ text }) => kindOf(text) === 'policy').length, 12);
    assert.equal(blocks.filter(({ text }) => kindOf(text) === 'cases').length, 12);
  });

  for (const [index, block] of blocks.entries()) {
    if (kindOf(block.text) !== 'policy') continue;
    test(`${placeOf(block)}: is checked without a hint, and its calls end as it says`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'holdfast-cookbook-'));
      try {
        writeFileSync(join(folder, 'p.yaml'), block.text);
        writeFileSync(join(folder, 'p.test.yaml'), blocks[index + 1]!.text);
        const checked = await holdfast(['policy', 'check', join(folder, 'p.yaml')], folder);
        assert.equal(checked.code, 0, checked.said);
        const tested = await holdfast(['policy', 'test', folder], folder);
        assert.equal(tested.code, 0, tested.said);
        assert.match(tested.said, /^[2-9] passed, 0 failed/);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});

describe('docs/troubleshooting.md', () => {
  for (const { text, line } of blocksOf('docs/troubleshooting.md').filter(({ kind }) => kind === 'text')) {
    test(`line ${line}: ${text.trim().slice(0, 60)}`, () => assert.deepEqual(notSaid(text), []));
  }

  test('has every symptom in the list at its top', () => {
    assert.ok(blocksOf('docs/troubleshooting.md').filter(({ kind }) => kind === 'text').length >= 20);
    assert.ok(proseOf('docs/troubleshooting.md').includes('## '));
  });
});
