import type { CompletedCommand, CompletedOption } from './words.ts';

/** The script for fish 3 and later. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  const paths = commands.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return [
    '# fish completion for holdfast',
    'function __holdfast_at',
    '  set -l at ""',
    '  for word in (commandline -opc)[2..]',
    '    set -l next (string trim -- "$at $word")',
    `    if contains -- "$next" ${paths.join(' ')}`,
    '      set at $next',
    '    end',
    '  end',
    '  test "$at" = "$argv[1]"',
    'end',
    'complete -c holdfast -f',
    ...commands.flatMap(linesOf),
  ].join('\n');
}

function linesOf({ path, commands, options, operands }: CompletedCommand): string[] {
  const here = `complete -c holdfast -n ${quoted(`__holdfast_at "${path}"`)}`;
  return [
    ...commands.map(({ word, summary }) => `${here} -a ${quoted(word)} -d ${quoted(summary)}`),
    ...options.map(({ word, summary, value }) => `${here} -l ${word.slice(2)}${flagsOf(value)} -d ${quoted(summary)}`),
    ...(operands === 'file' ? [`${here} -F`] : []),
    ...(Array.isArray(operands) ? [`${here} -a ${quoted(operands.join(' '))}`] : []),
  ];
}

function flagsOf(value: CompletedOption['value']): string {
  if (value === 'none') return '';
  if (value === 'file') return ' -r -F';
  return Array.isArray(value) ? ` -x -a ${quoted(value.join(' '))}` : ' -x';
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
