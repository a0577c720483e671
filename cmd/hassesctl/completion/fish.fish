# hassesctl completion for fish. Load it with: hassesctl completion fish | source
function __hassesctl_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c hassesctl -f -a '(__hassesctl_complete)'
complete -c hassesctl -r -F -l socket
complete -c hassesctl -r -F -l ca
complete -c hassesctl -r -F -l cert
complete -c hassesctl -r -F -l key
