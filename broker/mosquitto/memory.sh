#!/bin/sh
# Bounds what Mosquitto takes of its container's memory: all but 64 MiB. Beyond that it refuses messages, and is not killed.
# But with its memory full it can read neither its database nor its rights, nor save: on reading either again without
# memory it ends, or forgets all rights. So each step first allows a little above what is used.
#
# A session whose reader is away has no rights from a reload until the reader is back (Mosquitto 2.0 asks it for the
# certificate of its connection): what is sent meanwhile is acknowledged, and never reaches it. So only "more" and "reload"
# always reload; the others do where the limit has changed, or the file of rights was written since. The steps, in their order:
#
#   start   print the line for its configuration, the first in it: it counts from there on. It is the limit itself, unless
#           the database is large. One that kept it from starting five times in a row is set aside
#   started wait until it listens, then as usual
#   usual   the limit
#   more    24 MiB above what is used, if that is more, for what comes next
#   reload  read the rights again
#   renewed the same, where they were written since
#   save    write what is kept to the disk now
#   short   the same, where three quarters are used: what is there tells the doctor whose it is
set -e
config=/mosquitto/config/mosquitto.conf
data=/mosquitto/data/mosquitto.db
rights=/mosquitto/rights/acl
loaded=/tmp/rights-loaded
MIB=1048576

# As Docker reads a size: 768m is 768 MiB.
total=$(echo "${MOSQUITTO_MEMORY:-768m}" | awk '{
    unit = tolower($1); sub(/^[0-9.]+/, "", unit)
    printf "%.0f", $1 * (unit ~ /^k/ ? 2 ^ 10 : unit ~ /^m/ ? 2 ^ 20 : unit ~ /^g/ ? 2 ^ 30 : 1) }')
usual=$((total - 64 * MIB))
most=$((total - 16 * MIB))

process() {
    grep -lx mosquitto /proc/[0-9]*/comm | cut -d / -f 3
}

used() {
    awk '$1 == "RssAnon:" { printf "%.0f", $2 * 1024 }' "/proc/$(process)/status"
}

# Who wrote the file of rights, and when, not what is in it: somebody may have changed it, and had it read, by hand.
written() {
    stat -c '%i %Y %s' "$rights"
}

allow() {
    limit=$(($(used) + $1 * MIB))
    [ "$limit" -gt "$usual" ] || limit=$usual
    [ "$limit" -lt "$most" ] || limit=$most
    if grep -qx "memory_limit $limit" "$config" && [ "$(written)" = "$(cat "$loaded" 2>/dev/null)" ]; then return; fi
    written >"$loaded"
    sed -i "s/^memory_limit .*/memory_limit $limit/" "$config"
    kill -HUP 1
    sleep 1  # of two signals at once only one counts
}

save() {
    : >/tmp/asked
    kill -USR1 1
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
        [ "$data" -nt /tmp/asked ] && return
        sleep 1
    done
}

start() {
    if [ "$(cat "$data.tries" 2>/dev/null)" = xxxxx ]; then
        mv -f "$data" "$data.too-large"
        rm "$data.tries"
        echo "mosquitto.db needs more memory than MOSQUITTO_MEMORY=$MOSQUITTO_MEMORY: set aside, starting without it" >&2
    fi
    printf x >>"$data.tries"
    written >"$loaded"
    cp "$loaded" "$loaded.at-start"
    if [ "$(stat -c %s "$data" 2>/dev/null || echo 0)" -lt $((usual / 2)) ]; then
        echo "memory_limit $usual"
    else
        echo "memory_limit $most"
    fi
}

started() {
    until grep -q ':22B3 [0-9A-F:]* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 1; done  # port 8883
    sleep 1  # it listens before it minds signals
    if [ "$(used)" -gt $((most - 8 * MIB)) ]; then
        kill -KILL "$(process)"  # what it has loaded leaves it no room to work
    else
        rm "$data.tries"
        # What was to be read again meanwhile may have been asked of a process that did not mind signals yet.
        cmp -s "$loaded" "$loaded.at-start" || rm -f "$loaded"
        allow 4
    fi
}

for step in "$@"; do
    case $step in
        start) start ;;
        started) (started >/dev/null 2>&1 &) ;;
        usual | renewed) allow 4 ;;
        more) rm -f "$loaded" && allow 24 ;;
        reload) rm -f "$loaded" && allow 4 ;;
        save) save ;;
        short) [ "$(used)" -lt $((usual / 4 * 3)) ] || { allow 24 && save && allow 4; } ;;
    esac
done
