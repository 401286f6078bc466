#!/bin/sh
# One number for all brokers: what Kafka takes, Mosquitto takes.
set -e
{
    cat /mosquitto/configuration/mosquitto.conf
    echo "max_packet_size ${MESSAGE_MAX_BYTES:?}"
} >/mosquitto/config/mosquitto.conf
exec mosquitto -c /mosquitto/config/mosquitto.conf
