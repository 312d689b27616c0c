/** How this program was called, for commands that people are told to run: by npx, by npm in the repository, or by its name. */
export function calledAs(env: Readonly<Record<string, string | undefined>>): string {
  if (env.npm_command === 'exec') return 'npx holdfast';
  return env.npm_lifecycle_event === 'holdfast' || env.npm_lifecycle_event === 'start'
    ? 'npm run holdfast --'
    : 'holdfast';
}
