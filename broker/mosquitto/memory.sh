#!/bin/sh
# Bounds what Mosquitto takes of its container's memory, so that it refuses messages instead of being killed. In order:
#
#   line    print the line for its configuration, which has to be the first: it counts from there on
#   more    all but 32 MiB. With its memory full it can read neither its database nor its rights, and not save either
#   usual   all but 64 MiB
#   reload  read the rights again, whatever the memory
#   save    write what is kept to the disk now
#   short   the same, where three quarters are used: what is there tells the doctor whose it is
#   started usual, as soon as it listens
set -e
config=/mosquitto/config/mosquitto.conf
data=/mosquitto/data/mosquitto.db

limit() {  # As Docker reads a size: 768m is 768 MiB.
    echo "${MOSQUITTO_MEMORY:-768m}" | awk -v less="$1" '{
        unit = tolower($1); sub(/^[0-9.]+/, "", unit)
        size = unit ~ /^k/ ? 2 ^ 10 : unit ~ /^m/ ? 2 ^ 20 : unit ~ /^g/ ? 2 ^ 30 : 1
        printf "%.0f\n", $1 * size - less * 2 ^ 20 }'
}

allow() {
    sed -i "s/^memory_limit .*/memory_limit $(limit "$1")/" "$config"
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

used() {
    process=$(grep -lx mosquitto /proc/[0-9]*/comm)
    awk '$1 == "VmRSS:" { printf "%.0f\n", $2 * 1024 }' "${process%/comm}/status"
}

started() {
    until grep -q ':22B3 [0-9A-F:]* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 1; done  # port 8883
    sleep 1  # it listens before it minds signals
    allow 64
}

for step in "$@"; do
    case $step in
        line) echo "memory_limit $(limit 32)" ;;
        more) allow 32 ;;
        usual) allow 64 ;;
        reload) allow 32 && allow 64 ;;
        save) save ;;
        short) [ "$(used)" -lt $(($(limit 64) / 4 * 3)) ] || { allow 32 && save && allow 64; } ;;
        started) (started >/dev/null 2>&1 &) ;;
    esac
done
