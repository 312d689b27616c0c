import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect } from 'kysely';
import { migrate } from '../../../src/sql/migrations/migrate.ts';
import type { Tables } from '../../../src/sql/table/tables.ts';
import { importsOf, sources, textOf } from '../../support/house.ts';

/** SHA-256 of each released migration's statements, as a JSON list. Add a line for a new migration; never change one. */
const RELEASED: Readonly<Record<string, string>> = {
  '0001-foundation': '28e6cda215045239fdb66ea08bd07c7fa3693f7b64a04e5e7d8c9651ddbaaac6',
  '0002-console': '2288a15abe7a4b2e3a77db000b53a36fe8df341feb11d145d19d3b07d1554478',
  '0003-audit': '4c9cc6682ece146f4fcc938fe28a8a00549d17aa267001075e2e34089ee3e544',
  '0004-card-runs': 'bbbe72d27309691806ef9873559fa5e260a178f755b4204a8e49c70bfef504c6',
  '0005-tasks': '852e994f46244aed8685a074f4d3604786657afd76649d11a3c337745de94210',
  '0006-reminders': '35195558181d2adf2817441c22ecc705e517033ac7ec8e221acaea78991e14e3',
  '0007-admit': 'efda857a723e0f37963117089d37c25321291a4400b7cd854c693ac5516b9a04',
  '0008-words': 'acc1fe713d389288b3f112fc3df9907c8ddf83f7814b496aa6a86feb41eb46ae',
  '0009-task-fetched': '138b7dbe86062bf94df5859dbfd00aa3544aedbc82392126d8fb7aabf7564ffb',
  '0010-words-cost': 'f9013bb8618a95b6f5eca5e4d9f13071c36e30df1e9b1be01721ca28fbb57efa',
  '0011-card-contents': '47be4518d23fcf65cc1f07c61893e7d0849252aa8d0bfcd86b4f0c6ae4fb79f9',
  '0012-pursuits': 'aa8895b738bd766a8ad1136186de905b17fc2ca52e99e27a1c65675d96d5da89',
  '0013-fewer-words': '3514d4338961769ebf67e1ff15bf84266c581485bc9c0cc71392066bd6ce4944',
  '0014-append': 'e59b1039c5bd9a132968d86e183884e5a1bca3116061c8a877eecbc0ec467418',
  '0015-admit-chained': '04d22f8a07ca4a3a030e933e6e0d00293e86cae9075b806c6c3a44f454082773',
  '0016-phrases': '220b5a09d2bc67e8f9e98006abbe719fbadac8f020cff5b11dbfca1c32389091',
  '0017-bounded-words': 'c7bc135c2add9cd25556e994a18cb0a7026dd89a87fa4c400fe5364335f82826',
  '0018-portions': 'b804ab31f3dcf04778a7a05a545cc2c37e0ab7c3d03c7f24862410d0918efb82',
  '0019-sent': 'dec5591e9a4dbd543aedfa7bf97952d70a1bfd4062d028ab84ea80842861d7a6',
  '0021-later-reasons': 'c3afca900637a4619ff4388223b6684069d13ebe8a559089428f165400e885f1',
  '0022-method-words': '9f2e03bc7cb4cd023bb04bc0d188c3bc65284d49be017444264601f5e0ade298',
  '0024-openings': 'a19834d9507dec2a50742586258d7556172a407d6c77bdeadec8d6567e873f88',
  '0026-legs': 'eda5ae7c23fb2b2d8929744ce71298d9dab15e958e04e676fbf4569f3fc11559',
  '0027-states': '719e8b7272cd1f8f5d17329e16e6638f7530f6818eb1cc787c6837c881cfde1a',
  '0030-seals': '9f64390b14614753a12405213f00280b56215c26508c4d3fce9586b7be061181',
  '0031-freezes': '7a6b15618d6ac9d2d80ec5b14e5f31b1ddcb9157727a86a6d80c2af24d788067',
  '0032-witness': 'd9c0672a896e8604238d3bae7f723c54f06106eb88a44721e4d8cf67369442bc',
  '0033-person': '6b48b6e9aa07610c060e7454d57a94994f8cfb1653dd60fac30684b15e80b47e',
  '0034-sealed-tables': 'e8bc5f0b586e2b6309813ff3569596f08cdcae77865d3c9f3226ea47b0a850f5',
  '0035-own-events': 'e269cc0dc2ebbdaabbe4ada5ce8cc3052ff81f0b5902dd6a988d5f8a7385e806',
  '0038-gave-up': 'e3985b8a422f4aa320520eb2befe698c2f6d739354a1c8f0f9d3ae530739db8d',
  '0039-refused-cards': '9314c4f679548e5660644ba556e6636fb05cb67273aa0409419adf8c7c947225',
  '0040-ended-early': '0b96644388da7f9d6b29bc23ae724977a2a5d1055c02d374be854e5ce13b0696',
  '0041-counted': '6595ae8014d4704803479a8b0742b2b5f38aa4857b29ec02d4709e4407a0af2a',
  '0042-sealed-cards': 'a103d3d33ff6eb2e18bd58ab19ac5f0c51762f6abfbc6f339d1b117799df5a63',
  '0043-open-requests': 'd9f775d321ddf52ddae0c879ec7c723c0dbd334f54a9b5997201378781ba5b56',
  '0044-found-acceptances': 'db108d63f240a80a9e8a68c844f1eb264d8a26b98dbb1fc0d870e9ff36c50c59',
  '0045-sealing-replicas': '56071aaf79b0e32242884d38c7625a6661abbd71aa7bb3a16e0bef90f6accbfb',
  '0049-people': 'f29e6953dec725f56872e3ed53ca9ee5dacbf57c101437e98385a03ffbba5c24',
  '0050-api-tokens': 'b1ecf994dff5ac6083077525188b0736c2e066ec133631d2241ad627be62a825',
  '0051-principals': 'ad4d32dae6e2fe20728ec2a1af753ab1d990768e76d85acecb65f6fbdede352c',
  '0053-rights': '479fd88abb801286b5184c731d8e81adc3d1dec5ecaf811c827af75280fdfab7',
  '0054-person-keys': 'e160ffc5be7cc947568bd5d588508b8318f4828575d8eb2f0bbb00c17272b95a',
  '0055-signed-votes': '1a0016a9eba29130a6b691f35325c57c5021b4ef3713c0be0ddd76f9e71c9f37',
  '0056-votes-in-advance': '7bc9e5adeb92419ddb96da698d18e3388dafdde8ed4206103389d982c915559f',
  '0057-allowances': '4c406868a7dd102b95757dabff5e18653abc63bbe78009f87a693269daca932b',
  '0058-denials': 'a76438ede62d724fc65ad44cf703c0f8b89a6bf103fe62b32c685f0798d41918',
  '0059-memories': 'eedb7de09627eb207cfae29c9318e801ebea90218a811fa46f825bbe0a32d3c7',
  '0061-policy-texts': '54ebd7a577f92ce850f6f7a3cd5f3497f85a15f153e7b501f54492315b776b3e',
  '0062-people-again': '9a875a2644c6f8b7f55d86e775bd692de120599f062c2d7c10b30b219caa1f74',
  '0064-logged-ends': '00e6a9aa7116c5ce4365c4b13345d219679eeda0888d2216c79121b6106fe3b4',
  '0066-counter-votes': 'ac1d517f34873c9719b58d8ed9d0940e59d4749471dda9a1979f05d7fecf7a7b',
  '0067-counter-proposals': '0fb6efe666c444ad4f1b0f4e3b63eccfc3bbbbaa79c825bdc9b8037c7af687d5',
  '0068-call-facts': 'e71b07eb5d1895a9b20bb71c37334366e6db8a1a346ce0391ccbae460c222032',
  '0069-given-reasons': 'febbb730784bf6fa2a69b9e055b333eb90897db495fe84cc0cedf44013752d1a',
  '0070-cues-and-snoozes': '2cf55e677d327a6d86b3a4a5a1fd867e4267d400feab5b3d77544f974ea0c132',
  '0071-samples': 'a5716c20d2e598e88915af760cbfb49bd2ae6a20657481a24f592ceff89722a2',
  '0073-quota-parts': '69b62ac871d358f54a379682c4a21eef29ad9b08f1b26ba17eda3655c46ce92e',
  '0074-quota-in-advance': '4ef3f4b355b1f5e5d5bce0d4ac6e2aff0502b67524de40f282eaa0b28c74ecc8',
  '0075-oversight': '06d26846eeb734eaa6a1cbd21e8f2e5879c1d62ca06e59953a18292ff8a9e062',
  '0076-cuts': 'ab92c616a2023e6f3409253c1a28dc7c2fdbe50d2f9eda8e679249802c298b6e',
  '0077-removed-approvals': '40bb82737f2b6c948439d2d03dd0d81634232d25e0c721fbe554a40f55b57502',
  '0079-erasable-keys': 'dc75b3386a09e5fadcbb657f26dc05f31d9ac47c611d0f428413204f28c63982',
  '0085-words-that-are-looked-for': '8be86f78c501e61b5c70826d69b23cd301a91c3396f40cd6b95399e772689034',
  '0086-packed-cards': '79f4b2a1ee22244e45a654b0d495d7ef159c823e4d4e46948013e7f52771d200',
  '0089-numbered-openings': '9fc35994508d6a8fd1db9ad17d0f0be0e153555f242294bd533be37d61728c60',
};

/** Every statement that reached an empty database, by the migration that it belongs to. */
async function executed(): Promise<Record<string, readonly string[]>> {
  const pglite = await PGlite.create();
  const statements: { readonly sql: string; readonly parameters: readonly unknown[] }[] = [];
  const dialect = new PGliteDialect({ pglite });
  const db = new Kysely<Tables>({ dialect, log: ({ query }) => void statements.push(query) });
  await migrate(db);
  await db.destroy();
  const byMigration: Record<string, string[]> = {};
  let since: string[] = [];
  for (const { sql, parameters } of statements) {
    if (sql.startsWith('insert into "holdfast"."kysely_migration" ')) byMigration[String(parameters[0])] = since;
    // Kysely's own queries name what they touch in quotes.
    if (sql.includes('"kysely_migration')) since = [];
    else since.push(sql);
  }
  return byMigration;
}

describe('A released migration', () => {
  test('sends the database the statements that it always sent, and no others', async () => {
    const digests = Object.entries(await executed()).map(([name, statements]) => [
      name,
      createHash('sha256').update(JSON.stringify(statements)).digest('hex'),
    ]);
    assert.deepEqual(Object.fromEntries(digests), RELEASED);
  });

  test('is a text of its own: it imports nothing and computes nothing', () => {
    const files = sources('src/sql/migrations').filter((file) => /\/\d{4}-[a-z-]+\.ts$/.test(file));
    assert.deepEqual(
      files.map((file) => file.slice(file.lastIndexOf('/') + 1, -'.ts'.length)),
      Object.keys(RELEASED),
    );
    for (const file of files) {
      const text = textOf(file);
      assert.deepEqual(importsOf(file, text), [], file);
      assert.doesNotMatch(text, /\$\{|\.replace|\.split/, file);
    }
  });
});
