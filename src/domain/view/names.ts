/** Names of arguments by which tools that are in use call an old text and the new one. Compared exactly. */
export const PAIRS: readonly (readonly [string, string])[] = [
  ['old_string', 'new_string'],
  ['old_str', 'new_str'],
  ['oldString', 'newString'],
  ['oldStr', 'newStr'],
  ['old_text', 'new_text'],
  ['oldText', 'newText'],
  ['old_content', 'new_content'],
  ['oldContent', 'newContent'],
  ['old_code', 'new_code'],
  ['old_source', 'new_source'],
  ['search', 'replace'],
  ['search', 'replacement'],
  ['find', 'replace'],
  ['find', 'replacement'],
  ['before', 'after'],
  ['old', 'new'],
  ['original', 'updated'],
  ['original', 'modified'],
];

/** Of these, pairs that mean other things too (cursors, dates): an edit only where one of both has several lines. */
const AMBIGUOUS: ReadonlySet<string> = new Set(['before', 'old', 'original', 'search', 'find']);

export function isEditPair(old: string, before: string, after: string): boolean {
  return !AMBIGUOUS.has(old) || before.includes('\n') || after.includes('\n');
}

/** Names of arguments, in lower case, that say what their text is. */
export const NAMES = {
  command: new Set([
    'command',
    'cmd',
    'script',
    'shell',
    'bash',
    'shell_command',
    'command_line',
    'commandline',
    'argv',
  ]),
  sql: new Set(['sql', 'query', 'statement', 'sql_query', 'sqlquery', 'querystring', 'query_string', 'statements']),
  patch: new Set(['patch', 'diff', 'unified_diff', 'unifieddiff', 'patch_text', 'patchtext']),
  path: ['path', 'file_path', 'filePath', 'filepath', 'filename', 'file_name', 'fileName', 'file', 'uri', 'name'],
  content: [
    'content',
    'contents',
    'file_text',
    'fileText',
    'text',
    'data',
    'body',
    'blob',
    'file_content',
    'fileContent',
  ],
  base64: ['content_base64', 'contentBase64', 'base64', 'base64_content', 'data_base64', 'blob'],
} as const;
