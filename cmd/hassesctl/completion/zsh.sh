#compdef hassesctl
# hassesctl completion for zsh. Save it as _hassesctl in a directory of $fpath, or load it with:
# source <(hassesctl completion zsh)
_hassesctl() {
    local -a candidates
    candidates=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    candidates=(${candidates:#})
    if (( ${#candidates} )); then
        compadd -- "${candidates[@]}"
    else
        _files
    fi
}
if [[ "${funcstack[1]}" = _hassesctl ]]; then
    _hassesctl "$@"
else
    compdef _hassesctl hassesctl
fi
