import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { type Fixture, startFixture } from '../../conformance/fixture/fixture.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { eventually } from '../../support/wait.ts';

const EVERYTHING = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js';
const ROOT = new URL('../../..', import.meta.url).pathname;
const STDIO = `command: ["${process.execPath}", "${ROOT}${EVERYTHING}", stdio]`;
const BARE = 'version: "1"\ndefault: deny\n';
const ARCHITECTURE = 'demo://resource/static/document/architecture.md';

/** What one client sees and gets of a server; a refusal is its message. */
interface Seen {
  readonly resources: readonly string[];
  readonly templates: readonly string[];
  readonly prompts: readonly string[];
  readonly read: (uri: string) => Promise<string>;
  readonly prompt: (name: string) => Promise<string>;
  readonly complete: (prompt: string) => Promise<string>;
  readonly ping: () => Promise<unknown>;
  readonly close: () => Promise<void>;
}

type AnyClient = Client | NewClient;

async function seenBy(client: AnyClient): Promise<Seen> {
  const said = async (work: Promise<unknown>): Promise<string> => {
    try {
      return JSON.stringify(await work);
    } catch (error) {
      return `refused: ${(error as Error).message}`;
    }
  };
  const one = client as Client;
  return {
    resources: (await one.listResources()).resources.map(({ uri }) => uri),
    templates: (await one.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate),
    prompts: (await one.listPrompts()).prompts.map(({ name }) => name),
    read: (uri) => said(one.readResource({ uri })),
    prompt: (name) => said(one.getPrompt({ name })),
    complete: (name) =>
      said(one.complete({ ref: { type: 'ref/prompt', name }, argument: { name: 'department', value: '' } })),
    ping: () => one.ping(),
    close: () => one.close(),
  };
}

describe('Real clients under sections of a policy', () => {
  let fixture: Fixture;
  let house: House;
  let gateway: GatewayProcess;
  before(async () => {
    fixture = await startFixture();
    house = await openHouse({
      servers: {
        everything: {
          at: STDIO,
          policy: `${BARE}resources: { default: deny, "${ARCHITECTURE}": allow, "demo://resource/dynamic/text/*": allow }
prompts: { default: allow, "completable*": deny }
`,
        },
        plain: { at: STDIO, policy: BARE },
        eras: {
          at: `url: "${fixture.url}"`,
          policy: `${BARE}resources: { default: deny, "test://static-text": allow }\nprompts: { default: allow, "test_prompt_with_i*": deny }\n`,
        },
      },
      slack: false,
    });
    gateway = await house.start();
  });
  after(async () => {
    await house.close();
    await fixture.close();
  });

  const to = (server: string): URL => new URL(`${gateway.url}/mcp/${server}`);
  const requestInit = () => ({ headers: { authorization: `Bearer ${house.tokens.agent}` } });
  const CLIENTS: Readonly<Record<string, (server: string) => Promise<AnyClient>>> = {
    'SDK v1': async (server) => {
      const client = new Client({ name: 'old', version: '1' });
      await client.connect(new StreamableHTTPClientTransport(to(server), { requestInit: requestInit() }) as never);
      return client;
    },
    'SDK v2': async (server) => {
      const client = new NewClient({ name: 'new', version: '1' });
      await client.connect(new NewTransport(to(server), { requestInit: requestInit() }));
      return client;
    },
    'SDK v2, newest revision': async (server) => {
      const client = new NewClient({ name: 'newest', version: '1' }, { versionNegotiation: { mode: 'auto' } });
      await client.connect(new NewTransport(to(server), { requestInit: requestInit() }));
      return client;
    },
  };

  for (const [name, connect] of Object.entries(CLIENTS)) {
    test(`P1: ${name} sees and gets of a stdio server what its policy allows`, async () => {
      const seen = await seenBy(await connect('everything'));
      assert.deepEqual(seen.resources, [ARCHITECTURE]);
      assert.deepEqual(seen.templates, ['demo://resource/dynamic/text/{resourceId}']);
      assert.ok(seen.prompts.includes('simple-prompt') && !seen.prompts.includes('completable-prompt'));
      assert.match(await seen.read(ARCHITECTURE), /"contents"/);
      assert.match(await seen.read('demo://resource/dynamic/text/1'), /"contents"/);
      const refused = await seen.read('demo://resource/static/document/features.md');
      assert.match(
        refused,
        /^refused: .*Policy violation: the resource demo:\/\/.*features\.md is denied on everything/,
      );
      assert.match(await seen.prompt('simple-prompt'), /"messages"/);
      assert.match(await seen.prompt('completable-prompt'), /^refused: .*Policy violation: the prompt/);
      assert.match(await seen.complete('completable-prompt'), /^refused: .*Policy violation: the prompt/);
      await seen.close();
    });

    test(`P9: ${name} gets everything where the policy has no sections, though its default is deny`, async () => {
      const seen = await seenBy(await connect('plain'));
      assert.equal(seen.resources.length, 7);
      assert.match(await seen.read(seen.resources[2]!), /"contents"/);
      assert.match(await seen.prompt('simple-prompt'), /"messages"/);
      assert.match(await seen.complete('completable-prompt'), /"completion"/);
      await seen.ping();
      await seen.close();
    });

    test(`P1: ${name} sees and gets of a server of both eras what its policy allows`, async () => {
      const seen = await seenBy(await connect('eras'));
      assert.deepEqual(seen.resources, ['test://static-text']);
      assert.ok(seen.prompts.length > 0 && !seen.prompts.some((prompt) => prompt.startsWith('test_prompt_with_i')));
      assert.match(await seen.read('test://static-text'), /"contents"/);
      assert.match(await seen.read('test://static-binary'), /^refused: .*Policy violation: the resource/);
      assert.match(await seen.prompt('test_prompt_with_image'), /^refused: .*Policy violation: the prompt/);
      await seen.close();
    });
  }

  test('P7: all of it is in the log', async () => {
    const found = async (query: string) => {
      const answer = await gateway.api(`/api/events?limit=500&${query}`);
      return ((await answer.json()) as { items: { type: string; data: Record<string, unknown> }[] }).items;
    };
    const counts = async (query: string) =>
      (await found(query)).reduce((sum, { data }) => sum + (data.grouped === true ? Number(data.times) : 1), 0);
    // What many clients do in one second may be one line, which is written when the second is over.
    const settled = await eventually('all are counted', async () => {
      const types = ['resource.read', 'prompt.got', 'method.denied'];
      const now = await Promise.all(types.map((type) => counts(`type=${type}`)));
      return now[0]! >= 12 && now[1]! >= 6 && now[2]! >= 15 ? now : null;
    });
    assert.deepEqual(settled, [4 * 3, 2 * 3, 5 * 3]);
    const relayed = (await found('type=method.relayed')).map(({ data }) => data.method);
    for (const method of [
      'initialize',
      'server/discover',
      'resources/list',
      'prompts/list',
      'completion/complete',
      'ping',
      'GET',
    ]) {
      assert.ok(relayed.includes(method), method);
    }
  });
});
