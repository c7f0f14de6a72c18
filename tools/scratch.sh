# Sourced by scripts of tools/: gives them $scratch, a folder that goes when the script ends, a signal included.
# sh runs no EXIT trap when a signal ends it, and any other trap only once the program that it waits for has ended. So
# `long` starts what takes long, in a session of its own: a signal is handled at once, and ends all that it started.

scratch=$(mktemp -d)
session=

# long COMMAND...: its temporary files lie in $scratch
long() {
    TMPDIR="$scratch" setsid "$@" &
    session=$!
    code=0
    wait "$session" || code=$?
    session=
    return $code
}

clean_up() {
    chmod -R u+w "$scratch"
    rm -rf "$scratch"
}

# interrupted CODE: ends what `long` started, then the script
interrupted() {
    trap '' HUP INT TERM
    if [ -n "$session" ]; then
        kill -s TERM -- "-$session" 2>/dev/null || kill -s TERM "$session" 2>/dev/null || true
        wait "$session" || true # a script among them cleans up first
        kill -s KILL -- "-$session" 2>/dev/null || true
    fi
    exit "$1"
}

trap clean_up EXIT
trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
