#!/bin/sh
# One number for all brokers: what Kafka takes, Mosquitto takes.
set -e
here=/mosquitto/configuration
{
    sh "$here/memory.sh" start
    cat "$here/mosquitto.conf"
    echo "max_packet_size ${MESSAGE_MAX_BYTES:?}"
} >/mosquitto/config/mosquitto.conf
sh "$here/memory.sh" started
exec mosquitto -c /mosquitto/config/mosquitto.conf
