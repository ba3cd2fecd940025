"""Completion in shells. Specs have characters that end a word there, so each shell gets a script that knows of them."""

from __future__ import annotations

import os
import re
from typing import ClassVar

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' line
    COMPREPLY=()
    for line in $(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORD="$2" %(complete_var)s=bash_complete "$1"); do
        case "${line%%%%$'\\t'*}" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            open) compopt -o nospace; COMPREPLY+=("${line#*$'\\t'}") ;;
            plain) COMPREPLY+=("${line#*$'\\t'}") ;;
        esac
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a plain open plain_shown open_shown parts
    local line
    for line in "${(@f)$(env COMP_LINE="${(j: :)words[1,CURRENT]}" %(complete_var)s=zsh_complete %(prog_name)s)}"; do
        parts=("${(@ps:\\t:)line}")
        case $parts[1] in
            dir) compset -P '--*='; _path_files -/ ;;
            file) compset -P '--*='; _path_files -f ;;
            open) open+=("$parts[2]"); open_shown+=("$parts[2]  $parts[3]") ;;
            plain) plain+=("$parts[2]"); plain_shown+=("$parts[2]  $parts[3]") ;;
        esac
    done
    (( $#plain )) && compadd -U -l -V specs -d plain_shown -a plain
    (( $#open )) && compadd -U -l -S '' -V specs -d open_shown -a open
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    for line in (env COMP_LINE=(commandline -cp | string collect) %(complete_var)s=fish_complete %(prog_name)s)
        set -l parts (string split -m 2 \\t -- $line)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                set -l option (string match -r -- '^--[^=]*=' $parts[2])
                for path in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' $parts[2]))
                    printf '%%s\n' "$option$path"
                end
            case '*'
                printf '%%s\\t%%s\\n' $parts[2] "$parts[3]"
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


def _split(line: str) -> tuple[list[str], str]:
    """The finished arguments of a command line that ends at the cursor, and the one that is being written."""
    words = split_arg_string(f"{line}\0")  # so that there always is one, in quotes that are still open too
    return words[1:-1], words[-1].removesuffix("\0")


class _Line(ShellComplete):
    """Reads the line up to the cursor; prints a completion as its kind, its text and what it is."""

    def get_completion_args(self) -> tuple[list[str], str]:
        return _split(os.environ["COMP_LINE"])

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        """The words that the one being written may become; of an option with its value, ``--a=b``, both."""
        name, equals, _ = incomplete.partition("=")
        items = super().get_completions(args, incomplete)
        if not (equals and name.startswith("--")):
            return items
        return [CompletionItem(f"{name}={each.value}", each.type, each.help) for each in items]

    def format_completion(self, item: CompletionItem[str]) -> str:
        return f"{'open' if item.open else item.type}\t{item.value}\t{' '.join((item.help or '').split())}"


class Zsh(_Line, ZshComplete):
    """Zsh, which quotes what it inserts."""

    source_template: ClassVar[str] = _ZSH


class Fish(_Line, FishComplete):
    """Fish, which quotes what it inserts."""

    source_template: ClassVar[str] = _FISH


class Bash(_Line, BashComplete):
    """Bash, which replaces what stands behind the last of its word breaks, and quotes nothing."""

    source_template: ClassVar[str] = _BASH

    def complete(self) -> str:
        """What Bash puts in place of the word that it sees, one a line."""
        args, incomplete = self.get_completion_args()
        line, word = os.environ["COMP_LINE"], os.environ.get("COMP_WORD", "")
        quoted = _is_quoted(line)
        written = word.lstrip("'\"") if quoted else "".join(_split(f"_ {word}")[1:])
        kept = len(incomplete) - len(written) if incomplete.endswith(written) else 0
        items = [item for item in self.get_completions(args, incomplete) if item.value.startswith(incomplete[:kept])]
        lines = []
        for item in items:
            rest = item.value[kept:]
            kind = "open" if item.open else item.type
            lines.append(f"{kind}\t{rest if quoted or item.type != 'plain' else _SPECIAL.sub(_ESCAPED, rest)}")
        if quoted and len(items) == 1 and items[0].open:
            lines.append(f"{lines[0]}…")  # a second choice, so that the quotes stay open
        return "\n".join(lines)


_SPECIAL = re.compile(r"([^\w@%+=:,./-])")
_ESCAPED = r"\\\1"


def _is_quoted(line: str) -> bool:
    """Whether quotes are open at the end of a line."""
    return re.fullmatch(r"""(?s)(?:[^\\'"]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")*\\?""", line) is None


for _shell in (Bash, Zsh, Fish):
    add_completion_class(_shell)
