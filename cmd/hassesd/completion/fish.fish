# hassesd completion for fish. Load it with: hassesd completion fish | source
function __hassesd_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null
end
complete -c hassesd -a '(__hassesd_complete)'
