import type { CompletedCommand, CompletedOption } from './words.ts';

/** The script for zsh: to be sourced after `compinit`, or kept as `_holdfast` in a folder of `fpath`. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const paths = commands.filter(({ path }) => path !== '').map(({ path }) => `'${path}'`);
  return [
    '#compdef holdfast',
    '# zsh completion for holdfast',
    '_holdfast() {',
    '  local before=${words[CURRENT-1]} at= word',
    '  local -a found',
    '  for word in ${words[2,CURRENT-1]}; do',
    '    case "${at:+$at }$word" in',
    `      ${paths.join('|')}) at="\${at:+$at }$word" ;;`,
    '    esac',
    '  done',
    '  case "$at:$before" in',
    ...commands.flatMap(optionCases),
    '  esac',
    '  case "$at" in',
    ...commands.map(({ path, commands, options, operands }) => {
      const entries = [
        ...commands,
        ...(Array.isArray(operands) ? operands.map((word: string) => ({ word, summary: '' })) : []),
        ...options,
      ];
      const described = entries.map(({ word, summary }) => quoted(`${word}:${summary}`)).join(' ');
      const files = operands === 'file' ? ' [[ $PREFIX == -* ]] || _files;' : '';
      return `    '${path}') found=(${described}); _describe 'holdfast' found;${files} ;;`;
    }),
    '  esac',
    '}',
    'if [ "$funcstack[1]" = "_holdfast" ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi',
  ].join('\n');
}

function optionCases({ path, options }: CompletedCommand): string[] {
  return options.flatMap(({ word, value }) =>
    value === 'none' ? [] : [`    '${path}:${word}') ${valueReply(value)} return ;;`],
  );
}

function valueReply(value: CompletedOption['value']): string {
  if (value === 'file') return '_files;';
  return Array.isArray(value) ? `compadd -- ${value.join(' ')};` : '';
}

/** A word and its description in single quotes; a colon in the word itself would end it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
