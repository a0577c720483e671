#compdef hassesd
# hassesd completion for zsh. Save it as _hassesd in a directory of $fpath, or load it with:
# source <(hassesd completion zsh)
_hassesd() {
    local -a candidates
    candidates=("${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    candidates=(${candidates:#})
    if (( ${#candidates} )); then
        compadd -- "${candidates[@]}"
    else
        _files
    fi
}
if [[ "${funcstack[1]}" = _hassesd ]]; then
    _hassesd "$@"
else
    compdef _hassesd hassesd
fi
