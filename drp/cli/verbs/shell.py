"""Scripts for shells: each asks ``drp complete WORDS…``, the last word being the one under the cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drp.cli.grammar.shell import SHELLS
from drp.cli.verbs.session import Do, Session
from drp.commands.results import Listing, Result
from drp.errors import UsageError

SCRIPTS: Final = {
    "bash": """\
# to be read by bash: source <(drp completion bash)
_drp() {
    local IFS=$'\\n'
    COMPREPLY=($("$1" complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _drp drp
""",
    "zsh": """\
#compdef drp
# to be read by zsh, after compinit: source <(drp completion zsh)
_drp() {
    local -a found
    found=("${(@f)$("${words[1]}" complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
}
compdef _drp drp
""",
    "fish": """\
# to be read by fish: drp completion fish | source
function __drp_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    $typed[1] complete $typed[2..-1] "$current" 2>/dev/null
end
complete -c drp -a '(__drp_complete)'
""",
}


def completion(session: Session) -> Result:
    shell = session.invocation.subject
    if shell not in SCRIPTS:
        raise UsageError(
            f"cannot complete in '{shell}': drp knows {', '.join(SHELLS)}",
            hint="See `drp completion --help`.",
        )
    return Listing(lines=tuple(SCRIPTS[shell].splitlines()), data={"shell": shell, "script": SCRIPTS[shell]})


DO: Final[Mapping[str, Do]] = {"completion": completion}
