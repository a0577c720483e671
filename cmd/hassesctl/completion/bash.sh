# hassesctl completion for bash. Load it with: source <(hassesctl completion bash)
_hassesctl() {
    mapfile -t COMPREPLY < <("$1" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _hassesctl hassesctl
