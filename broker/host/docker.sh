#!/bin/sh
# Whether Docker can do what make wants of it: silent where it can, else one sentence with what to do.
cannot() {
    echo "$*" >&2
    exit 1
}

command -v docker >/dev/null || cannot 'Docker is not installed: curl -fsSL https://get.docker.com | sudo sh'
said=$(docker version --format '{{.Server.Version}}' 2>&1) || case $said in
    *ermission\ denied*) cannot "You may not use Docker yet: sudo usermod -aG docker ${USER:-$(id -un)}, then log in again" ;;
    *) cannot "Docker's engine does not answer: sudo systemctl start docker  ($(echo "$said" | tail -n 1))" ;;
esac
version=$(echo "$said" | tail -n 1)
[ "${version%%.*}" -ge 25 ] 2>/dev/null ||
    cannot "Docker $version is too old, 25 or newer is needed: curl -fsSL https://get.docker.com | sudo sh"
docker compose version >/dev/null 2>&1 ||
    cannot "Docker has no Compose: sudo apt install docker-compose-plugin (docker-compose, where Docker is Debian's docker.io)"
