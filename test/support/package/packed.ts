/** The package as `npm pack` makes it, unpacked where npm would put it, beside the packages that it depends on. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = new URL('../../..', import.meta.url).pathname;

export interface Packed {
  /** An empty folder with `node_modules`, where somebody has installed the package. */
  readonly folder: string;
  /** Where its files are: `node_modules/holdfast`. */
  readonly place: string;
  /** The archive. */
  readonly archive: string;
  /** Paths of its files, from its own folder. */
  readonly files: readonly string[];
  remove(): void;
}

/** Builds and packs. Its dependencies are links to the ones here, and nothing else can be reached from it. */
export function packed(): Packed {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-package-'));
  const say = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const archive = join(folder, /holdfast-[^"\s]*\.tgz/.exec(say)![0]);
  const place = join(folder, 'node_modules/holdfast');
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['-xzf', archive, '-C', place, '--strip-components=1']);
  const files = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
  const { dependencies } = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link);
  }
  return {
    folder,
    place,
    archive,
    files: files.map((path) => path.replace(/^package\//, '')),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
