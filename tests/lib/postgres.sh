#!/usr/bin/env bash
# A PostgreSQL of the tests' own; installed by name where it is missing.
#   tests/lib/postgres.sh serve DIR [SETTING=VALUE…]
#       Becomes the server of the cluster in DIR (made when it is not there), reachable by DIR's socket alone unless a
#       setting says otherwise. It is ready when it says so on stderr; it stops as any postgres does.
#   tests/lib/postgres.sh share STATE
#       Keeps one cluster for everybody who holds a shared lock on STATE/users, and takes it away with all its files
#       some seconds after the last one has let go. Prints the socket's folder on stdout when it is ready.
# Where PostgreSQL can't be had it fails and says why; no test is skipped for that.
set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Seconds without anybody before the shared cluster goes: tests come and go as processes.
readonly LINGER=10

# find_postgres — sets BIN.
find_postgres() {
  local place path
  path=$(readlink -f "$(command -v postgres)") || path=
  for place in "$(dirname "${path:-/nowhere/postgres}")" /usr/lib/postgresql/*/bin; do
    if [ -x "$place/initdb" ] && [ -x "$place/postgres" ] && [ -x "$place/pg_ctl" ]; then BIN=$place; fi
  done
}

need_postgres() {
  BIN=
  find_postgres
  [ -n "$BIN" ] || { install_postgres && find_postgres; }
  [ -n "$BIN" ] || die "PostgreSQL is missing." "Install it (Debian: apt install postgresql-15)."
}

# Only the programs are wanted: Debian's package would make a cluster of the system's and start it.
install_postgres() {
  local name=postgresql-15 as_root=() no_cluster='create_main_cluster = false'
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  apt_install postgresql-common
  apt-cache show "$name" >/dev/null 2>&1 || name=postgresql
  "${as_root[@]}" sed -i "1i $no_cluster" /etc/postgresql-common/createcluster.conf
  apt_install "$name"
  "${as_root[@]}" sed -i "1{/^$no_cluster$/d}" /etc/postgresql-common/createcluster.conf
}

# The server refuses to run as root: then it runs as nobody.
unprivileged() {
  if [ "$(id -u)" -eq 0 ]; then setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups "$@"; else "$@"; fi
}

# make DIR — a cluster there, unless there is one.
make() {
  [ ! -e "$1/PG_VERSION" ] || return 0
  mkdir -p "$1"
  if [ "$(id -u)" -eq 0 ]; then chown nobody "$1"; fi
  chmod 700 "$1"
  (cd "$1" && unprivileged "$BIN/initdb" --pgdata="$1" --username=valet --auth=trust --encoding=UTF8 --no-locale --no-sync) >&2
}

# serve DIR [SETTING=VALUE…] — instead of this shell, so that its pid is the server's.
serve() {
  local dir=$1 settings=()
  shift
  make "$dir"
  for setting in listen_addresses= "unix_socket_directories=$dir" max_connections=300 shared_buffers=64MB "$@"; do
    settings+=(-c "$setting")
  done
  cd "$dir"
  if [ "$(id -u)" -eq 0 ]; then
    exec setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups "$BIN/postgres" -D "$dir" "${settings[@]}"
  fi
  exec "$BIN/postgres" -D "$dir" "${settings[@]}"
}

# stop DIR — the server whose cluster that is, at once, and wait until it is gone.
stop() {
  [ ! -e "$1/postmaster.pid" ] || unprivileged "$BIN/pg_ctl" stop --pgdata="$1" --mode=immediate >&2 || true
}

share() {
  local state=$1 idle=0 log dir
  mkdir -p "$state"
  # One keeper at a time; whoever finds the lock free may take over.
  exec 8>"$state/keeper"
  flock -n 8 || die "somebody keeps the tests' PostgreSQL already"
  # What a keeper left that was killed.
  if [ -e "$state/cluster" ]; then
    dir=$(cat "$state/cluster")
    stop "$dir"
    rm -rf "${dir:?}" "$state/cluster"
  fi
  dir=$(mktemp -d "${TMPDIR:-/tmp}/oss-valet-pg.XXXXXX")
  log=$LOGS/postgres.log
  echo "$dir" >"$state/cluster"
  # shellcheck disable=SC2064 # as they are now
  trap "stop '$dir'; rm -rf '$dir' '$state/cluster'" EXIT
  rmdir "$dir"
  make "$dir" 2>"$log"
  # Nothing in it outlives the tests: no time is spent on safety.
  (serve "$dir" fsync=off synchronous_commit=off full_page_writes=off autovacuum=off) >>"$log" 2>&1 8>&- &
  local server=$!
  until grep -q 'ready to accept connections' "$log"; do
    kill -0 "$server" 2>/dev/null || die "PostgreSQL does not start:" "$(tail -n 20 "$log")"
    sleep 0.05
  done
  echo "$dir"
  exec >&- # whoever waited for this line waits no more
  exec 9>>"$state/users"
  while [ "$idle" -lt "$LINGER" ]; do
    sleep 1
    kill -0 "$server" 2>/dev/null || exit 1
    if flock -n -x 9; then
      idle=$((idle + 1))
      flock -u 9
    else
      idle=0
    fi
  done
  # Who comes now waits until all is gone, and starts another.
  flock -x 9
}

need_postgres
case ${1:-} in
  serve) shift && serve "$@" ;;
  share) shift && share "$@" ;;
  *) die "usage: tests/lib/postgres.sh serve DIR [SETTING=VALUE…] | share STATE" ;;
esac
