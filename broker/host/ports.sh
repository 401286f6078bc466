#!/bin/sh
# Whether the ports that a server publishes are free, or its own already; asked of Docker, which is to open them, before
# anything is started. Called with what Docker Compose is called with; asks with the image of the tools.
set -e
image=$("$@" --profile tools config --images tools)
project=$("$@" config | sed -n 's/^name: //p')

# The service, address and port of each of them.
published=$("$@" config | awk '
    /^[a-z]/ { in_services = $1 == "services:" }
    in_services && /^  [^ ].*:$/ { service = $1; sub(/:$/, "", service) }
    /^      - mode: / { address = "0.0.0.0" }
    /^        host_ip: / { address = $2 }
    /^        published: / { gsub(/"/, "", $2); print service, address, $2 }')

opens() {
    docker run --rm --network bridge --entrypoint /bin/true "$@" "$image" 2>&1
}

cannot() {
    echo "$*" >&2
    exit 1
}

set --
while read -r service address port; do
    [ "$port" ] || continue
    ours=$(docker ps -q --filter "label=com.docker.compose.project=$project" --filter "publish=$port")
    [ "$ours" ] || set -- "$@" "$service $address $port"
done <<END
$published
END

host() {
    case $1 in *:*) echo "[$1]" ;; *) echo "$1" ;; esac
}

for entry; do
    # shellcheck disable=SC2086  # three words
    set -- $entry
    said=$(opens -p "$(host "$2"):$3:1") && continue
    case $said in
        *already\ in\ use* | *already\ allocated*) ;;
        *cannot\ assign*) cannot "$2 is no address of this machine: put one that is into .env as BIND_ADDR, or take that line out" ;;
        *) cannot "Port $3 of $2, for $1, cannot be opened: $(echo "$said" | tail -n 1)" ;;
    esac
    [ "$1" != viewer ] || cannot "Port $3 of $2 is taken by another program: in .env set VIEWER_PORT=$(($3 + 1)), or another that is free"
    cannot "Port $3 of $2, which $1 needs, is taken by another program: end it (sudo ss -ltnp sport = :$3), or set BIND_ADDR in .env to" \
        "an address of this machine where the port is free"
done
