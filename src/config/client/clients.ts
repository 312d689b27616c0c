import { type Json, member } from '../../domain/json/json.ts';

/** The clients whose files are read and written. `mcp` is the plain form, `mcpServers` as most of them have it. */
export const CLIENT_NAMES = ['claude-desktop', 'claude-code', 'cursor', 'vscode', 'windsurf', 'mcp'] as const;
export type ClientName = (typeof CLIENT_NAMES)[number];

/** How a client writes what its own file says about servers. */
export interface ClientForm {
  readonly name: ClientName;
  readonly title: string;
  /** The member that holds the servers. */
  readonly serversIn: 'mcpServers' | 'servers';
  /**
   * What it fills in: `env` is `${env:X}` and names of folders, `shell` is `${X}` and `${X:-default}`, `none` nothing, so that
   * `${X}` stands for itself.
   */
  readonly fillsIn: 'env' | 'shell' | 'none';
  /** How it writes a server at a URL; `bridge`: it speaks to commands only, so mcp-remote stands between. */
  readonly remote: 'type-http' | 'url' | 'server-url' | 'bridge';
  /** What to do for it to read its file again. */
  readonly again: string;
}

export const CLIENT_FORMS: Readonly<Record<ClientName, ClientForm>> = {
  'claude-desktop': {
    name: 'claude-desktop',
    title: 'Claude Desktop',
    serversIn: 'mcpServers',
    fillsIn: 'none',
    remote: 'bridge',
    again: 'Quit Claude Desktop and start it again.',
  },
  'claude-code': {
    name: 'claude-code',
    title: 'Claude Code',
    serversIn: 'mcpServers',
    fillsIn: 'shell',
    remote: 'type-http',
    again: 'Start Claude Code again, and look at /mcp.',
  },
  cursor: {
    name: 'cursor',
    title: 'Cursor',
    serversIn: 'mcpServers',
    fillsIn: 'env',
    remote: 'url',
    again: 'Start Cursor again, and look at its MCP settings.',
  },
  vscode: {
    name: 'vscode',
    title: 'VS Code',
    serversIn: 'servers',
    fillsIn: 'env',
    remote: 'type-http',
    again: 'Run “MCP: List Servers” in VS Code, and start the servers again.',
  },
  windsurf: {
    name: 'windsurf',
    title: 'Windsurf',
    serversIn: 'mcpServers',
    fillsIn: 'env',
    remote: 'server-url',
    again: 'Press Refresh in Windsurf’s MCP settings.',
  },
  mcp: {
    name: 'mcp',
    title: 'your client',
    serversIn: 'mcpServers',
    fillsIn: 'shell',
    remote: 'type-http',
    again: 'Start your client again.',
  },
};

/** Where a client's file is, of those of this user and of a project. */
export interface ClientPlace {
  readonly client: ClientName;
  readonly path: string;
}

/** What the places depend on. */
export interface Surroundings {
  readonly platform: string;
  readonly home: string;
  /** `APPDATA` of Windows; null: not set. */
  readonly appData: string | null;
  readonly cwd: string;
}

/** Every place where a client's file may be, a project's before the user's own. Paths have `/`. */
export function clientPlaces({ platform, home, appData, cwd }: Surroundings): readonly ClientPlace[] {
  const settings =
    platform === 'darwin'
      ? `${home}/Library/Application Support`
      : platform === 'win32'
        ? (appData ?? `${home}/AppData/Roaming`)
        : `${home}/.config`;
  return [
    { client: 'claude-code', path: `${cwd}/.mcp.json` },
    { client: 'vscode', path: `${cwd}/.vscode/mcp.json` },
    { client: 'cursor', path: `${cwd}/.cursor/mcp.json` },
    { client: 'claude-code', path: `${home}/.claude.json` },
    { client: 'claude-desktop', path: `${settings}/Claude/claude_desktop_config.json` },
    { client: 'cursor', path: `${home}/.cursor/mcp.json` },
    { client: 'vscode', path: `${settings}/Code/User/mcp.json` },
    { client: 'windsurf', path: `${home}/.codeium/windsurf/mcp_config.json` },
    { client: 'windsurf', path: `${home}/.codeium/mcp_config.json` },
  ];
}

/** Whose file this is, by its name and what it holds; `mcp` where nothing tells. */
export function clientByFile(path: string, root: Json): ClientName {
  const words = path.replaceAll('\\', '/').split('/');
  const file = words.at(-1) ?? '';
  const folder = words.at(-2) ?? '';
  if (file === 'claude_desktop_config.json') return 'claude-desktop';
  if (file === '.claude.json' || file === '.mcp.json') return 'claude-code';
  if (file === 'mcp_config.json' || folder === 'windsurf') return 'windsurf';
  if (folder === '.cursor') return 'cursor';
  if (folder === '.vscode') return 'vscode';
  return member(root, 'servers') !== undefined && member(root, 'mcpServers') === undefined ? 'vscode' : 'mcp';
}

/** The project's folder where the file is a project's; null: it is the user's own. */
export function projectOf(path: string, home: string): string | null {
  const words = path.replaceAll('\\', '/').split('/');
  const file = words.at(-1) ?? '';
  const up = (levels: number): string | null => {
    const folder = words.slice(0, -levels).join('/');
    return folder === home.replaceAll('\\', '/') ? null : folder;
  };
  if (file === '.mcp.json') return up(1) ?? home;
  return ['.vscode', '.cursor'].includes(words.at(-2) ?? '') ? up(2) : null;
}
