import type { Config } from '../../config/config.ts';
import { fileVariable } from '../../config/secret-from.ts';
import { readableSecrets } from '../../main/process/ancestors.ts';
import { type DoctorFinding, ok, warn } from './finding.ts';

/** Looks for secrets in the environments of this process and those that it descends from: a shell, npm, an init. */
export function environmentFindings(config: Pick<Config, 'variables'>): DoctorFinding[] {
  const found = readableSecrets(config);
  if (found.length === 0) return [ok('environment', 'contains no secret, here and in the parent processes')];
  return found.map(({ pid, program, names }) => {
    const what = `process ${pid} (${program}) holds ${names.join(', ')}, where every process of this user can read it`;
    return warn('environment', what, `Give them as files: ${names.map(fileVariable).join(', ')}.`);
  });
}
