import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { evidenceText, readEvidence, readEvidenceLine } from '../../../src/domain/log/decision-evidence.ts';
import { judgeEvidence } from '../../../src/domain/log/judge-evidence.ts';
import { passkeyProof } from '../../../src/vault/passkey-proof.ts';
import { proof } from '../../../src/vault/proof.ts';
import type { Jar } from '../../support/people/browserless.ts';
import { type SigningWorld, signingWorld } from '../../support/people/signing-world.ts';
import { eventually } from '../../support/wait.ts';

const CALL = { name: 'create_api_key', arguments: { name: 'ci', role: 'viewer' } };

describe('A critical call is approved by a signature', () => {
  let world: SigningWorld;
  let mira: Jar;
  let olga: Jar;
  before(async () => {
    world = await signingWorld();
    mira = await world.signedIn('mira');
    olga = await world.signedIn('olga');
  });
  after(() => world.close());

  it('P1: of a passkey that a second person registered; no other yes counts, and the call runs once it is signed', async () => {
    const agent = await world.agent();
    const call = agent.callTool(CALL);
    const id = await world.asked(new Set());
    const { requirement } = await world.approval(id);
    assert.deepEqual((requirement as { stepUp: object }).stepUp, { origin: world.url });
    const clicked = await world.send(mira, 'POST', `/api/approvals/${id}/decisions`, { decision: 'approve' });
    assert.equal(clicked.status, 403);
    assert.equal(((await clicked.json()) as { error: string }).error, 'signature_required');
    const none = await world.send(mira, 'POST', `/api/approvals/${id}/challenge`);
    assert.match(await none.text(), /no registered passkey/);
    const passkey = await world.registered(mira, olga);
    const signed = await world.signed(mira, id, passkey);
    assert.equal(signed.status, 200, await signed.clone().text());
    const result = await call;
    assert.notEqual(result.isError, true, JSON.stringify(result));
    const { decisions } = await world.approval(id);
    assert.deepEqual(
      decisions.map((one) => (one as { key: string }).key),
      [passkey.name],
    );
  });

  it('P7: an auditor verifies the signature offline, from the export and the public key; with one byte changed it does not fit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-signed-'));
    const text = await eventually('the log is sealed and signed', async () => {
      const exported = await (await world.admin('GET', '/api/events/export')).text();
      const sealed = exported.split('\n').filter((line) => /"seq":\d/.test(line));
      return sealed.some((line) => line.includes('"signature":{')) && exported.includes('{"checkpoint"')
        ? exported
        : null;
    });
    const { keys } = JSON.parse(text.split('\n')[0]!) as { keys: string[] };
    const verify = async (name: string, content: string) => {
      const file = join(folder, name);
      await writeFile(file, content);
      const args = ['src/cli/cli.ts', 'audit', 'verify', '--export', file, '--key', keys[0]!, '--json'];
      const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
      return { status, report: JSON.parse(stdout) as { signatures: { verified: number; faults: { why: string }[] } } };
    };
    const good = await verify('good', text);
    assert.deepEqual({ ...good.report.signatures }, { verified: 1, registered: 1, breakGlass: 0, faults: [] });
    assert.notEqual(good.status, 1);
    // One character of the signature, of what it is over, and of the registered key.
    for (const [from, to] of [
      [/("signature":"M[^"]{30})(.)/, (_: string, head: string, one: string) => `${head}${one === 'A' ? 'B' : 'A'}`],
      [/("frozen":")(.)/, (_: string, head: string, one: string) => `${head}${one === '0' ? '1' : '0'}`],
      [/("type":"key.registered")/, (whole: string) => whole],
    ] as const) {
      const changed = from.source.includes('key')
        ? text.replaceAll(
            /("publicKey":"[^"]{90})(.)/g,
            (_, head: string, one: string) => `${head}${one === 'A' ? 'B' : 'A'}`,
          )
        : text.replace(from, to as never);
      assert.notEqual(changed, text);
      const bad = await verify('bad', changed);
      assert.equal(bad.status, 1);
      assert.match(JSON.stringify(bad.report.signatures.faults), /does not count|not registered/);
    }
    await rm(folder, { recursive: true });
  });

  it('P7: the evidence of the decision has the passkey’s registration, and is judged by its signature too', async () => {
    const { keys } = (await (await world.admin('GET', '/api/checkpoints')).json()) as { keys: string[] };
    const { items } = (await (await world.admin('GET', '/api/approvals?state=succeeded')).json()) as {
      items: { id: string }[];
    };
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-evidence-'));
    const line = await (await world.admin('GET', `/api/approvals/${items[0]!.id}/evidence`)).text();
    await writeFile(join(folder, 'evidence'), line);
    const args = ['src/cli/cli.ts', 'audit', 'verify', '--evidence', join(folder, 'evidence'), '--key', keys[0]!];
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.notEqual(status, 1, stdout);
    assert.match(stdout, /\n1 votes are signed by passkeys whose registration is in the log\n/);
    // By somebody who can sign as the gateway does, and has no passkey.
    const trust = { keys, log: null };
    const proofs = { ...proof(), passkeys: passkeyProof() };
    const whole = readEvidence(readEvidenceLine(line)!.text)!;
    const judged = (of: typeof whole) => {
      const text = evidenceText(of);
      const signed = { text, key: keys[0]!, signature: '0'.repeat(128) };
      const asSigned = { ...proofs, verifies: () => true };
      return judgeEvidence(signed, trust, asSigned).faults.map(({ kind }) => kind);
    };
    assert.ok(!judged(whole).includes('signature'));
    assert.ok(judged({ ...whole, passkeyEvents: [] }).includes('signature'), 'without the registration');
    const unsigned = whole.events.map((step) => ({ ...step, text: step.text.replace('"signature":{', '"other":{') }));
    assert.ok(judged({ ...whole, events: unsigned }).includes('signature'), 'without the signature');
    await rm(folder, { recursive: true });
  });
});
