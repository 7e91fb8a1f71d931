# bash completion of platen; printed by `platen help --completion bash`
_platen_files()
{
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_platen()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local command=${COMP_WORDS[1]}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W 'build upload listen rollback pin unpin serve render export migrate status help version --help --version' -- "$cur"))
        return
    fi
    case $command,$prev in
        build,--lock-wait) return ;;
        build,--config|build,-c) _platen_files -f; return ;;
        build,--out|build,-o) _platen_files -d; return ;;
        build,--source|build,-s) _platen_files -f; return ;;
        build,--locale|build,-l) return ;;
        build,--threads) return ;;
        upload,--origin) return ;;
        upload,--lock-wait) return ;;
        upload,--config|upload,-c) _platen_files -f; return ;;
        upload,--out|upload,-o) _platen_files -d; return ;;
        listen,--lock-wait) return ;;
        listen,--config|listen,-c) _platen_files -f; return ;;
        listen,--out|listen,-o) _platen_files -d; return ;;
        listen,--source|listen,-s) return ;;
        listen,--locale|listen,-l) return ;;
        listen,--threads) return ;;
        rollback,--reason) return ;;
        rollback,--lock-wait) return ;;
        rollback,--config|rollback,-c) _platen_files -f; return ;;
        rollback,--out|rollback,-o) _platen_files -d; return ;;
        rollback,--threads) return ;;
        pin,--reason) return ;;
        pin,--lock-wait) return ;;
        pin,--config|pin,-c) _platen_files -f; return ;;
        pin,--out|pin,-o) _platen_files -d; return ;;
        unpin,--lock-wait) return ;;
        unpin,--config|unpin,-c) _platen_files -f; return ;;
        unpin,--out|unpin,-o) _platen_files -d; return ;;
        serve,--port|serve,-p) return ;;
        serve,--bind) return ;;
        serve,--config|serve,-c) _platen_files -f; return ;;
        serve,--out|serve,-o) _platen_files -d; return ;;
        render,--parts) return ;;
        export,--to) _platen_files -f; return ;;
        export,--config|export,-c) _platen_files -f; return ;;
        export,--source|export,-s) _platen_files -f; return ;;
        export,--locale|export,-l) return ;;
        migrate,--to) return ;;
        migrate,--down) return ;;
        migrate,--dir) _platen_files -d; return ;;
        migrate,--config|migrate,-c) _platen_files -f; return ;;
        migrate,--source|migrate,-s) return ;;
        status,--config|status,-c) _platen_files -f; return ;;
        status,--out|status,-o) _platen_files -d; return ;;
        help,--completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$cur")); return ;;
    esac
    if [[ $cur != -* ]]; then
        if [ "$command" = help ]; then
            COMPREPLY=($(compgen -W 'settings build upload listen rollback pin unpin serve render export migrate status help version' -- "$cur"))
        else
            _platen_files -f
        fi
        return
    fi
    case $command in
        build) COMPREPLY=($(compgen -W '--accept --dry-run --lock-wait --no-upload --config --out --source --locale --threads --json --quiet --verbose --help' -- "$cur")) ;;
        upload) COMPREPLY=($(compgen -W '--origin --verify --accept --dry-run --lock-wait --config --out --json --quiet --verbose --help' -- "$cur")) ;;
        listen) COMPREPLY=($(compgen -W '--lock-wait --config --out --source --locale --threads --json --quiet --verbose --help' -- "$cur")) ;;
        rollback) COMPREPLY=($(compgen -W '--list --dry-run --reason --lock-wait --config --out --threads --json --quiet --verbose --help' -- "$cur")) ;;
        pin) COMPREPLY=($(compgen -W '--reason --lock-wait --config --out --json --quiet --help' -- "$cur")) ;;
        unpin) COMPREPLY=($(compgen -W '--lock-wait --config --out --json --quiet --help' -- "$cur")) ;;
        serve) COMPREPLY=($(compgen -W '--port --bind --config --out --quiet --verbose --help' -- "$cur")) ;;
        render) COMPREPLY=($(compgen -W '--parts --strict --help' -- "$cur")) ;;
        export) COMPREPLY=($(compgen -W '--to --config --source --locale --quiet --verbose --help' -- "$cur")) ;;
        migrate) COMPREPLY=($(compgen -W '--to --down --list --dry-run --dir --config --source --json --quiet --verbose --help' -- "$cur")) ;;
        status) COMPREPLY=($(compgen -W '--config --out --json --quiet --help' -- "$cur")) ;;
        help) COMPREPLY=($(compgen -W '--sample --completion --man --reference --help' -- "$cur")) ;;
        version) COMPREPLY=($(compgen -W '--verbose --help' -- "$cur")) ;;
    esac
}
complete -F _platen platen
