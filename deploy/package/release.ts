/**
 * `node deploy/package/release.ts 0.2.0`: makes that version here, and publishes nothing. Needs a checkout without
 * changes. It sets the version, gives what stands under *Unreleased* in the changelog that version and the date, and
 * packs. What is left to do is printed: commit, tag, push; publishing is for a workflow with provenance.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const run = (program: string, ...words: string[]): string =>
  execFileSync(program, words, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** The changelog with a section for this version; throws where there is nothing to release. */
function released(changelog: string, version: string, date: string): string {
  const head = '## Unreleased\n';
  const at = changelog.indexOf(head);
  const from = at + head.length;
  const next = changelog.indexOf('\n## ', from);
  const changes = changelog.slice(from, next === -1 ? undefined : next).trim();
  if (at === -1 || changes === '') throw new Error('CHANGELOG.md has nothing under "## Unreleased".');
  if (changelog.includes(`\n## ${version} (2`)) throw new Error(`CHANGELOG.md has a section for ${version} already.`);
  return `${changelog.slice(0, from)}\n## ${version} (${date})\n${changelog.slice(from)}`;
}

const version = process.argv[2] ?? '';
if (!/^\d+\.\d+\.\d+(-[0-9a-z.]+)?$/.test(version)) throw new Error('Say which version: release.ts 0.2.0');
if (run('git', 'status', '--porcelain').trim() !== '')
  throw new Error('There are changes here that are not committed.');

const place = join(ROOT, 'CHANGELOG.md');
writeFileSync(place, released(readFileSync(place, 'utf8'), version, new Date().toISOString().slice(0, 10)));
run('npm', 'version', version, '--no-git-tag-version', '--allow-same-version');
run('npm', 'pack', '--silent');
console.log(`holdfast-${version}.tgz is made. Look at it, then:
  git commit --all --message "Release ${version}" && git tag v${version} && git push --follow-tags
Publish from a workflow with an identity token, so that npm shows where it was built:
  npm publish holdfast-${version}.tgz --provenance`);
