# Every image of the project, for both kinds of machine.
#   docker buildx bake --print          what would be built
#   docker buildx bake server           broker, viewer and archive
#   docker buildx bake edge-debian --set '*.platform=linux/amd64' --load
# Called as the compose files call them; they and this file take SHUTTERBUS_TAG from the environment.
# The raspberrypi target needs archive.raspberrypi.com, which has packages for the Pi's processors alone.

variable "REGISTRY" { default = "" }
variable "SHUTTERBUS_TAG" { default = "latest" }

group "default" { targets = ["edge-raspberrypi", "edge-debian", "broker", "viewer", "archive"] }
group "edge" { targets = ["edge-raspberrypi", "edge-debian"] }
group "server" { targets = ["broker", "viewer", "archive"] }

target "both" {
  context   = "."
  platforms = ["linux/arm64", "linux/amd64"]
}

target "edge-raspberrypi" {
  inherits   = ["both"]
  dockerfile = "edge/Dockerfile"
  target     = "raspberrypi"
  platforms  = ["linux/arm64"]
  tags       = ["${REGISTRY}shutterbus-edge:${SHUTTERBUS_TAG}-raspberrypi"]
}

target "edge-debian" {
  inherits   = ["both"]
  dockerfile = "edge/Dockerfile"
  target     = "debian"
  tags       = ["${REGISTRY}shutterbus-edge:${SHUTTERBUS_TAG}-debian"]
}

target "broker" {
  inherits   = ["both"]
  dockerfile = "broker/Dockerfile"
  tags       = ["${REGISTRY}shutterbus-broker:${SHUTTERBUS_TAG}"]
}

target "viewer" {
  inherits   = ["both"]
  dockerfile = "viewer/Dockerfile"
  tags       = ["${REGISTRY}shutterbus-viewer:${SHUTTERBUS_TAG}"]
}

target "archive" {
  inherits   = ["both"]
  dockerfile = "archive/Dockerfile"
  tags       = ["${REGISTRY}shutterbus-archive:${SHUTTERBUS_TAG}"]
}
