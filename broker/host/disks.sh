#!/bin/sh
# Whether the engine lets a disk that is mounted later into a container that runs, as archive and viewer ask for (rslave). It does
# where this machine's disks are shared, as systemd sets them up; elsewhere it would refuse to start them, so that .env
# then says otherwise. Called with what Docker Compose is called with; asks with the image of the tools.
set -e
image=$("$@" --profile tools config --images tools)
bind=$("$@" --profile kafka config | awk '
    /^        source: / { source = substr($0, 17) }
    /^          propagation: rslave$/ { print source; exit }')
[ -d "$bind" ] || exit 0

said=$(docker run --rm --network none --entrypoint /bin/true \
    --mount "type=bind,source=$bind,destination=/mnt,bind-propagation=rslave" "$image" 2>&1) && exit 0
case $said in *'not a shared or slave mount'*) ;; *) exit 0 ;; esac # Compose says the rest
[ -z "$(tail -c 1 .env)" ] || echo >>.env
cat >>.env <<END
# This machine's disks are not shared with containers: one that is mounted later is found by docker compose restart archive viewer.
ARCHIVE_PROPAGATION=rprivate
END
echo "Wrote ARCHIVE_PROPAGATION to .env: a disk for the archive has to be mounted before it starts; docs/archive.md says how to change that"
