# Sourced by scripts of tools/ that are to end at once by a signal, with all that they started, and to leave nothing.
# sh runs no EXIT trap when a signal ends it, and any other trap only once the program that it waits for has ended. So
# `long` starts what takes long, in a session of its own: a signal is handled at once, and ends all of that session.

scratch=
session=

# make_scratch: gives the script $scratch, a folder that goes when it ends; the temporary files of `long` lie there
make_scratch() {
    scratch=$(mktemp -d)
    trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
}

# long COMMAND...
long() {
    # beside a script, Ctrl-C would be ignored
    setsid env --default-signal=INT ${scratch:+"TMPDIR=$scratch"} "$@" &
    session=$!
    code=0
    wait "$session" || code=$?
    session=
    return $code
}

# interrupted CODE: ends what `long` started, then the script; a second signal doesn't wait for it to clean up
interrupted() {
    trap 'kill -s KILL -- "-$session" 2>/dev/null || true' HUP INT TERM
    if [ -n "$session" ]; then
        kill -s TERM -- "-$session" 2>/dev/null || kill -s TERM "$session" 2>/dev/null || true
        while kill -s 0 "$session" 2>/dev/null; do
            wait "$session" || true # cut short by another signal
        done
        kill -s KILL -- "-$session" 2>/dev/null || true
    fi
    exit "$1"
}

trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
