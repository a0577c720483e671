# hassesd completion for bash. Load it with: source <(hassesd completion bash)
_hassesd() {
    mapfile -t COMPREPLY < <("$1" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _hassesd hassesd
