# Images and containers in a storage of these tests' own, so that nobody's are touched. Sourced after tests/lib/common.sh.
# shellcheck shell=bash

STORE=$TARGET/deploy-full
BASE_IMAGE=docker.io/library/debian:bookworm-slim
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
BUILDER_IMAGE=localhost/oss-valet-builder:test
export STORE BASE_IMAGE
# What this machine allows may be less than what podman and buildah ask for.
OPEN_FILES=$(ulimit -Hn)
OPEN_FILES=${OPEN_FILES/unlimited/1048576}
PROCESSES=4096

# container_tools — installs what is missing; needs root, as containers with networks of their own do here.
container_tools() {
  [ "$(id -u)" -eq 0 ] || die "Building and running images here needs root: sudo tests/deploy/full"
  local missing=()
  for tool in buildah podman runc debootstrap catatonit iptables; do
    command -v "$tool" >/dev/null || [ -e "/usr/libexec/podman/$tool" ] || missing+=("$tool")
  done
  # How containers get a network, and find each other by name in it.
  command -v ip >/dev/null || missing+=(iproute2)
  [ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
  [ -x /usr/lib/cni/dnsname ] || missing+=(golang-github-containernetworking-plugin-dnsname dnsmasq-base)
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
}

# own_storage — where images lie from now on. They stay: a second run builds what has changed only.
own_storage() {
  RUN=$(mktemp -d "${TMPDIR:-/tmp}/oss-valet-deploy.XXXXXX")
  mkdir -p "$STORE"
  INTERFACES=$(ls /sys/class/net)
  local driver=overlay
  stat -f -c %T "$STORE" | grep -q overlay && driver=vfs # an overlay can't lie on another
  cat >"$RUN/storage.conf" <<CONF
[storage]
driver = "$driver"
graphroot = "$STORE/storage"
runroot = "$STORE/run" # always the same: podman keeps to the one that it knew first
CONF
  cat >"$RUN/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$OPEN_FILES:$OPEN_FILES", "nproc=$PROCESSES:$PROCESSES"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_config_dir = "$RUN/networks"
CONF
  export RUN CONTAINERS_STORAGE_CONF=$RUN/storage.conf CONTAINERS_CONF=$RUN/containers.conf
}

# base_image — what Debian's own image holds, or nearly: the smallest system that debootstrap makes.
base_image() {
  podman image exists "$BASE_IMAGE" || import_system "$BASE_IMAGE" '' --change "ENV PATH=$SYSTEM_PATH"
}

# builder_image — the same with a C compiler and certificates. The Rust of this machine is mounted into it.
builder_image() {
  podman image exists "$BUILDER_IMAGE" || import_system "$BUILDER_IMAGE" gcc,libc6-dev,make,perl,ca-certificates \
    --change "ENV PATH=/usr/local/rust/bin:$SYSTEM_PATH" --change 'ENV CARGO_HOME=/usr/local/cargo' --change 'ENV CARGO_NET_OFFLINE=true'
}

# import_system IMAGE PACKAGES CHANGE…
import_system() {
  local image=$1 packages=$2 root=$RUN/system
  shift 2
  echo "making $image" >&2
  debootstrap --variant=minbase ${packages:+--include="$packages"} bookworm "$root" >"$LOGS/debootstrap.log" 2>&1 ||
    die "debootstrap failed:" "$(tail -n 5 "$LOGS/debootstrap.log")"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  tar -C "$root" -c . | podman import --quiet "$@" --change 'CMD ["bash"]' - "$image" >/dev/null
  rm -rf "$root"
}

# postgres_image IMAGE — stands for the official one.
postgres_image() {
  local base=localhost/oss-valet-postgres-base:test
  podman image exists "$base" || import_system "$base" postgresql-15 --change "ENV PATH=$SYSTEM_PATH"
  buildah build --isolation chroot --pull=never --build-arg BASE="$base" -t "$1" tests/deploy/compose >"$LOGS/postgres-image.log" 2>&1 ||
    die "The database's image could not be built:" "$(tail -n 10 "$LOGS/postgres-image.log")"
}

# build_image IMAGE LOG — the image of this checkout, as deploy/Dockerfile says.
build_image() {
  local rust cargo_home=${CARGO_HOME:-$HOME/.cargo}
  rust=$(rustc --print sysroot)
  cargo fetch --locked --quiet
  nice -n 19 buildah build --isolation chroot --network host --format docker --layers --pull=never \
    --ulimit "nofile=$OPEN_FILES:$OPEN_FILES" --ulimit "nproc=$PROCESSES:$PROCESSES" \
    --volume "$rust:/usr/local/rust:ro" --volume "$cargo_home/registry:/usr/local/cargo/registry:ro" \
    --build-arg BUILDER="$BUILDER_IMAGE" --build-arg BASE="$BASE_IMAGE" \
    --build-arg VERSION="$VERSION" --build-arg REVISION="$REVISION" --build-arg SOURCE="$SOURCE" \
    ${CARGO_BUILD_JOBS:+--build-arg CARGO_BUILD_JOBS="$CARGO_BUILD_JOBS"} \
    -f deploy/Dockerfile -t "$1" . >"$2" 2>&1 || die "The image could not be built:" "$(tail -n 30 "$2")"
}

# forget_containers — ends what was started; images stay.
forget_containers() {
  podman pod rm --all --force >/dev/null 2>&1 || true
  podman rm --all --force --volumes >/dev/null 2>&1 || true
  podman network prune --force >/dev/null 2>&1 || true
  podman volume rm --all --force >/dev/null 2>&1 || true
  umount "$STORE/storage/overlay" 2>/dev/null || true
  rm -rf "${RUN:?}" "${STORE:?}/run"
  # Bridges stay when their networks are gone. Those that were not here before, and that nobody is plugged into:
  local link
  for link in /sys/class/net/cni-podman*; do
    [ -e "$link" ] || continue
    if ! grep -qx "${link##*/}" <<<"$INTERFACES" && [ "$(cat "$link/carrier" 2>/dev/null)" = 0 ]; then ip link delete "${link##*/}" || true; fi
  done
}
