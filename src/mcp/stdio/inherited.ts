/**
 * What a program needs to find executables, its files and its language. Everything else, secrets above all, must be
 * named in the config.
 */
export const INHERITED_ENV = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'TMP', 'TEMP'],
  ...['APPDATA', 'LOCALAPPDATA', 'HOMEDRIVE', 'HOMEPATH', 'USERPROFILE', 'USERNAME', 'PROGRAMFILES'],
  ...['SYSTEMDRIVE', 'SYSTEMROOT', 'PROCESSOR_ARCHITECTURE', 'PATHEXT', 'COMSPEC'],
] as const;

/** What a child inherits of the gateway's own environment. */
export function inheritedFrom(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const pairs = INHERITED_ENV.map((name) => [name, environment[name]] as const);
  return Object.fromEntries(
    pairs.filter((pair): pair is readonly [(typeof INHERITED_ENV)[number], string] => pair[1] !== undefined),
  );
}
