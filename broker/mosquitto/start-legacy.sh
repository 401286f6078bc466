#!/bin/sh
# Beside what start.sh does, a listener for clients without certificate. Its rights stand in a file of their own:
# such a client can call itself by any name, so no name may mean anything there.
set -ef
here=/mosquitto/configuration
: >/tmp/legacy.acl
for topic in $(echo "${LEGACY_TOPICS:?}" | tr , ' '); do
    case $topic in
        *[+#*]* | [\$/]* | __* | shutterbus | shutterbus[./-]*)
            echo "LEGACY_TOPICS: $topic cannot be opened to everybody" >&2
            exit 1
            ;;
    esac
    echo "pattern write $topic" >>/tmp/legacy.acl
done
{
    sh "$here/memory.sh" start
    echo "per_listener_settings true"
    cat "$here/mosquitto.conf"
    echo "max_packet_size ${MESSAGE_MAX_BYTES:?}"
    echo "listener 1883"
    echo "allow_anonymous true"
    echo "acl_file /tmp/legacy.acl"
} >/mosquitto/config/mosquitto.conf
sh "$here/memory.sh" started
exec mosquitto -c /mosquitto/config/mosquitto.conf
