import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate that signs itself, for these names, and its key, in files. */
export interface TestCertificate extends Disposable {
  readonly path: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

export function testCertificate(...names: readonly string[]): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-cert-'));
  const [path, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const all = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${names[0]}`];
  execFileSync('openssl', [...request, '-addext', `subjectAltName=${all}`, '-keyout', key, '-out', path], {
    stdio: 'ignore',
  });
  return {
    path,
    cert: readFileSync(path),
    key: readFileSync(key),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
