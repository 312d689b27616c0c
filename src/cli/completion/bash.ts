import type { CompletedCommand, CompletedOption } from './words.ts';

/** The script for bash 3.2 and later. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const paths = commands.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return [
    '# bash completion for holdfast',
    '_holdfast() {',
    '  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} path= word i',
    '  COMPREPLY=()',
    '  for ((i = 1; i < COMP_CWORD; i++)); do',
    '    word=${COMP_WORDS[i]}',
    '    case "${path:+$path }$word" in',
    `      ${paths.join('|')}) path="\${path:+$path }$word" ;;`,
    '    esac',
    '  done',
    '  case "$path:$before" in',
    ...commands.flatMap(optionCases),
    '  esac',
    '  case "$path" in',
    ...commands.map(
      ({ path, commands, options, operands }) =>
        `    '${path}') ${wordsReply([...commands, ...(Array.isArray(operands) ? operands.map((word) => ({ word })) : []), ...options].map(({ word }) => word))}${operands === 'file' ? FILES_TOO : ''} ;;`,
    ),
    '  esac',
    '}',
    'complete -F _holdfast holdfast',
  ].join('\n');
}

const FILES_TOO = '; [[ $current == -* ]] || COMPREPLY+=($(compgen -f -- "$current"))';

function optionCases({ path, options }: CompletedCommand): string[] {
  return options.flatMap(({ word, value }) =>
    value === 'none' ? [] : [`    '${path}:${word}') ${valueReply(value)} return ;;`],
  );
}

function valueReply(value: CompletedOption['value']): string {
  if (value === 'file') return 'COMPREPLY=($(compgen -f -- "$current"));';
  return Array.isArray(value) ? `${wordsReply(value)};` : '';
}

function wordsReply(words: readonly string[]): string {
  return `COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$current"))`;
}
