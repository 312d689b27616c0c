import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { parseConfig } from '../../src/config/config-file.ts';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { SECRET_NAMES } from '../../src/config/secret-from.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const FOLDER = join(ROOT, 'deploy/kubernetes');
/** Files that are no manifests: what the gateway itself reads. */
const OURS = ['holdfast.yaml', 'github.yaml'];
/** Seconds that a gateway may take from SIGTERM to its end. */
const TO_END = 25;

type Manifest = ReturnType<typeof JSON.parse>;

const files = globSync(`${FOLDER}/**/*.yaml`).filter((file) => !OURS.includes(basename(file)));
const all: { file: string; manifest: Manifest }[] = files.flatMap((file) =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document) => {
    assert.deepEqual(document.errors, [], file);
    return { file, manifest: document.toJS() };
  }),
);
const manifests = all.filter(({ manifest }) => manifest.kind !== 'Kustomization');
const kustomizations = all.filter(({ manifest }) => manifest.kind === 'Kustomization');
const ofKind = (kind: string): Manifest => manifests.find(({ manifest }) => manifest.kind === kind)!.manifest;

/** The file of a kind's model, generated from Kubernetes' own schemas. */
function modelOf({ apiVersion, kind }: Manifest): string {
  const group = apiVersion.startsWith('monitoring.') ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models';
  return join(realpathSync(join(ROOT, 'node_modules')), group, apiVersion, kind);
}

async function faultIn(manifest: Manifest): Promise<string | null> {
  const { [manifest.kind]: Model } = await import(`${modelOf(manifest)}.js`);
  try {
    new Model(manifest).validate();
    return null;
  } catch (error) {
    return String(error);
  }
}

/** What the compiler says of manifests as values of their types: it knows members that no schema has. */
function unknownMembers(given: readonly Manifest[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-kubernetes-'));
  try {
    const lines = given.map((manifest, at) => {
      const type = `import('${modelOf(manifest)}.js').I${manifest.kind}`;
      return `export const m${at}: ${type} = ${JSON.stringify(manifest)};`;
    });
    writeFileSync(join(folder, 'manifests.ts'), lines.join('\n'));
    const options = ['--noEmit', '--skipLibCheck', '--strict', '--ignoreConfig', '--module', 'nodenext', '--types', ''];
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout, stderr } = spawnSync(process.execPath, [tsc, ...options, join(folder, 'manifests.ts')], {
      cwd: folder,
      encoding: 'utf8',
    });
    return (stdout + stderr).replaceAll(folder, '').trim();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('every manifest is what Kubernetes takes, and has no member that it does not know', async () => {
  for (const { file, manifest } of manifests) assert.equal(await faultIn(manifest), null, file);
  assert.equal(unknownMembers(manifests.map(({ manifest }) => manifest)), '');
});

test('the check finds a wrong value, a missing member and an unknown one', async () => {
  const wrong = (change: (deployment: Manifest) => void): Manifest => {
    const copy = structuredClone(ofKind('Deployment'));
    change(copy);
    return copy;
  };
  assert.match(
    String(
      await faultIn(
        wrong((one) => {
          one.spec.replicas = 'two';
        }),
      ),
    ),
    /replicas/,
  );
  assert.match(
    String(
      await faultIn(
        wrong((one) => {
          delete one.spec.selector;
        }),
      ),
    ),
    /selector/,
  );
  const misspelt = wrong((one) => {
    one.spec.template.spec.containers[0].readinesProbe = {};
  });
  assert.match(unknownMembers([misspelt]), /readinesProbe/);
});

test('each kustomization names files that are there', () => {
  assert.equal(kustomizations.length, 3);
  for (const { file, manifest } of kustomizations) {
    const named = [...manifest.resources, ...(manifest.configMapGenerator ?? []).flatMap((one: Manifest) => one.files)];
    for (const name of named) assert.ok(readFileSync(join(dirname(file), name), 'utf8').length > 0, name);
    const beside = globSync(`${dirname(file)}/*.yaml`).map((path) => basename(path));
    assert.deepEqual(beside.filter((name) => name !== 'kustomization.yaml').sort(), named.sort());
  }
});

test('P8: containers are confined, have no right in the cluster, and are given secrets as files only', () => {
  const pods = [ofKind('Deployment').spec.template.spec, ofKind('Job').spec.template.spec];
  const secrets = manifests.filter(({ manifest }) => manifest.kind === 'Secret').map(({ manifest }) => manifest);
  for (const pod of pods) {
    assert.deepEqual([pod.automountServiceAccountToken, pod.securityContext.runAsNonRoot], [false, true]);
    assert.equal(pod.securityContext.seccompProfile.type, 'RuntimeDefault');
    for (const container of [...(pod.initContainers ?? []), ...pod.containers]) {
      const { securityContext: own, env = [], resources, volumeMounts } = container;
      assert.deepEqual(
        [own.allowPrivilegeEscalation, own.readOnlyRootFilesystem, own.capabilities.drop],
        [false, true, ['ALL']],
        container.name,
      );
      assert.ok(resources.requests.memory && resources.limits.memory, container.name);
      for (const { name, value, valueFrom } of env) {
        assert.equal(valueFrom, undefined, name);
        assert.ok(!(SECRET_NAMES as readonly string[]).includes(name), name);
        if (!name.endsWith('_FILE')) continue;
        const mount = volumeMounts.find((one: Manifest) => value.startsWith(`${one.mountPath}/`));
        const volume = pod.volumes.find((one: Manifest) => one.name === mount.name);
        const secret = secrets.find(({ metadata }) => metadata.name === volume.secret.secretName);
        assert.equal(value, `${mount.mountPath}/${name.replace(/_FILE$/, '')}`);
        assert.equal(secret.stringData[basename(value)], '', `the template has a value for ${name}`);
        assert.equal(volume.secret.defaultMode, 0o400);
      }
    }
  }
  const gateway = JSON.stringify(pods[0]);
  assert.doesNotMatch(gateway, /holdfast-owner/, 'the gateway has the owner of the schema');
});

test('the gateway is asked whether it lives and whether it is ready, has time to end, and one at a time goes', () => {
  const { spec } = ofKind('Deployment');
  const [gateway] = spec.template.spec.containers;
  const { startupProbe, livenessProbe, readinessProbe, lifecycle } = gateway;
  assert.deepEqual(
    [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => [httpGet.path, httpGet.port]),
    [
      ['/healthz', 'http'],
      ['/healthz', 'http'],
      ['/readyz', 'http'],
    ],
  );
  const [command, seconds] = lifecycle.preStop.exec.command;
  assert.equal(command, 'sleep');
  assert.ok(spec.template.spec.terminationGracePeriodSeconds >= Number(seconds) + TO_END);
  // A balancer has to have noticed by then.
  assert.ok(Number(seconds) >= readinessProbe.periodSeconds);
  assert.ok(spec.replicas >= 2 && spec.strategy.rollingUpdate.maxUnavailable === 0);
  assert.equal(ofKind('PodDisruptionBudget').spec.maxUnavailable, 1);
});

test('service, budget, network policy and monitor all mean the pods of the gateway', () => {
  const { selector, template } = ofKind('Deployment').spec;
  const { labels } = template.metadata;
  const [{ name, containerPort }] = template.spec.containers[0].ports;
  const service = ofKind('Service');
  for (const chosen of [
    selector.matchLabels,
    service.spec.selector,
    service.metadata.labels,
    ofKind('PodDisruptionBudget').spec.selector.matchLabels,
    ofKind('NetworkPolicy').spec.podSelector.matchLabels,
    ofKind('ServiceMonitor').spec.selector.matchLabels,
  ]) {
    assert.deepEqual(chosen, labels);
  }
  const { ingress, policyTypes } = ofKind('NetworkPolicy').spec;
  assert.deepEqual(policyTypes, ['Ingress', 'Egress']);
  assert.ok(ingress.every(({ from }: Manifest) => from.length > 0));
  assert.equal(ofKind('ServiceMonitor').spec.endpoints[0].port, service.spec.ports[0].name);
  assert.equal(service.spec.ports[0].targetPort, name);
  assert.match(
    readFileSync(join(ROOT, 'Dockerfile'), 'utf8'),
    new RegExp(`HOLDFAST_LISTEN=0\\.0\\.0\\.0:${containerPort}`),
  );
});

test('the example configuration is one', () => {
  const path = join(FOLDER, 'gateway/holdfast.yaml');
  const config = parseConfig(readFileSync(path, 'utf8'), { path, env: {} });
  assert.ok(config.ok, JSON.stringify(config));
  const policyPath = join(FOLDER, 'gateway/github.yaml');
  const policy = parsePolicy(readFileSync(policyPath, 'utf8'), { path: policyPath });
  assert.ok(policy.ok, JSON.stringify(policy));
});
