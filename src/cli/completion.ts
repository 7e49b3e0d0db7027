/** Completion scripts, made from the program itself, so that they know every command and option. */
import type { Command } from 'commander';
import { UsageError } from '../errors.ts';
import type { Context } from './context.ts';

interface Words {
  readonly command: string;
  readonly about: string;
  /** Words that an argument may be. */
  readonly words: readonly string[];
  readonly options: readonly { readonly flag: string; readonly about: string; readonly choices: readonly string[] }[];
}

const wordsOf = (program: Command): Words[] =>
  program.commands.map((command) => ({
    command: command.name(),
    about: command.description(),
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    options: [...command.options, ...program.options].flatMap(({ long, description, argChoices }) =>
      long ? [{ flag: long, about: description, choices: argChoices ?? [] }] : [],
    ),
  }));

/** Prints the script for a shell. */
export function completion(shell: string, program: Command, { out }: Context): void {
  const scripts: Readonly<Record<string, (words: Words[]) => string>> = { bash, zsh, fish };
  const script = scripts[shell];
  if (!script)
    throw new UsageError(`there is no completion for ${JSON.stringify(shell)}; there is: ${Object.keys(scripts).join(', ')}`, 64);
  out.write(script(wordsOf(program)));
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bash(words: Words[]): string {
  const cases = words.map(
    ({ command, words: choices, options }) =>
      `    ${command}) words="${[...choices, ...options.map(({ flag }) => flag)].join(' ')}" ;;`,
  );
  const choices = words.flatMap(({ options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ flag, choices }) => `    ${flag}) COMPREPLY=($(compgen -W "${choices.join(' ')}" -- "$word")); return ;;`),
  );
  return `_tidegate() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
${[...new Set(choices)].join('\n')}
  esac
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="${words.map(({ command }) => command).join(' ')}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [[ \${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- "$word"))
}
complete -F _tidegate tidegate
`;
}

function zsh(words: Words[]): string {
  const commands = words.map(({ command, about }) => `    ${quote(`${command}:${about}`)}`);
  const cases = words.map(({ command, words: choices, options }) => {
    const others = choices.length > 0 ? `'*:word:(${choices.join(' ')})'` : "'*:file:_files'";
    const specs = options.map(({ flag, about, choices }) =>
      quote(`${flag}[${about.replaceAll(/[[\]:]/g, ' ')}]${choices.length > 0 ? `:value:(${choices.join(' ')})` : ''}`),
    );
    return `    ${command}) _arguments ${specs.join(' ')} ${others} ;;`;
  });
  return `#compdef tidegate
_tidegate() {
  local -a commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  case "$words[2]" in
${cases.join('\n')}
  esac
}
compdef _tidegate tidegate
`;
}

function fish(words: Words[]): string {
  const lines = words.flatMap(({ command, about, words: choices, options }) => [
    `complete -c tidegate -n __fish_use_subcommand -a ${command} -d ${quote(about)}`,
    ...choices.map((choice) => `complete -c tidegate -n '__fish_seen_subcommand_from ${command}' -a ${choice}`),
    ...options.map(({ flag, about: what, choices }) => {
      const values = choices.length > 0 ? ` -x -a ${quote(choices.join(' '))}` : '';
      return `complete -c tidegate -n '__fish_seen_subcommand_from ${command}' -l ${flag.slice(2)} -d ${quote(what)}${values}`;
    }),
  ]);
  return `${lines.join('\n')}\n`;
}
