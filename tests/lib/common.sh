# Shared by tests/run and the suites under tests/*/run. Sourced, not run; leaves the shell in the repository's root.
# shellcheck shell=bash

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
TARGET=${CARGO_TARGET_DIR:-$PWD/target}
LOGS=$TARGET/test-logs
mkdir -p "$LOGS"

# die MESSAGE… — a line each, on stderr; then the end.
die() {
  printf 'tests: %s\n' "$@" >&2
  exit 1
}

# need COMMAND HINT — fails with the hint where the command is missing.
need() {
  command -v "$1" >/dev/null || die "$1 is missing." "$2"
}

need_node() {
  need node "Install Node 20 or newer (Debian: apt install nodejs npm)."
  need npm "Install npm (Debian: apt install npm)."
  local major
  major=$(node --version | sed 's/^v\([0-9]*\).*/\1/')
  [ "$major" -ge 20 ] || die "Node $(node --version) is too old for the test tools: 20 or newer is needed."
}

# need_chromium — sets CHROMIUM; installs it where that is missing and can be done.
need_chromium() {
  # Chinese text needs a Chinese font; without one the pictures show boxes.
  CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
  [ -n "$CHROMIUM" ] || { apt_install chromium fonts-wqy-zenhei && CHROMIUM=$(command -v chromium); }
  export CHROMIUM
}

# apt_install PACKAGE… — by name, where this machine lets us; else says what to do.
apt_install() {
  local as_root=()
  command -v apt-get >/dev/null || die "Please install: $*"
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || die "Missing packages, and no right to install them. Please run: sudo apt-get install $*"
    as_root=(sudo -n)
  fi
  echo "installing $*" >&2
  {
    "${as_root[@]}" apt-get update -qq || true # the lists that are there may do
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  } >"$LOGS/apt.log" 2>&1 || die "apt-get could not install $*:" "$(tail -n 20 "$LOGS/apt.log")"
}

# npm_packages DIR — what its lock file names, unless that is there already.
npm_packages() {
  local stamp=$1/node_modules/.package-lock.json
  if [ ! -e "$stamp" ] || [ "$1/package-lock.json" -nt "$stamp" ]; then
    npm ci --prefix "$1" --ignore-scripts --no-audit --no-fund --loglevel=error >"$LOGS/npm.log" 2>&1 ||
      die "npm ci failed in $1:" "$(tail -n 20 "$LOGS/npm.log")"
    touch "$stamp"
  fi
}

# python_packages VENV REQUIREMENTS — a virtual environment with exactly the pinned packages; made again when they change.
python_packages() {
  need python3 "Install Python 3.11 or newer with venv (Debian: apt install python3 python3-venv)."
  if ! cmp -s "$2" "$1/requirements.txt"; then
    python3 -m venv --clear "$1" >"$LOGS/pip.log" 2>&1 || {
      apt_install python3-venv # Debian keeps it apart
      python3 -m venv --clear "$1" || die "python3 -m venv failed."
    }
    "$1/bin/pip" install --quiet --disable-pip-version-check -r "$2" >"$LOGS/pip.log" 2>&1 ||
      die "pip could not install $2:" "$(tail -n 20 "$LOGS/pip.log")"
    cp "$2" "$1/requirements.txt"
  fi
}

# The debug binary; tests/run has built it already and says so.
build_binary() {
  BINARY=$TARGET/debug/oss-valet
  [ "${OSS_VALET_BUILT:-}" = yes ] || cargo build --quiet
}

# The release binary; `tests/run full` has built it already and says so.
release_binary() {
  BINARY=$TARGET/release/oss-valet
  [ "${OSS_VALET_RELEASE_BUILT:-}" = yes ] || cargo build --release --quiet
}

# start_dev NAME [ARGUMENT…] — `oss-valet dev` on free ports with its data in a temporary folder; its one line goes to $OSS_VALET_DEV.
start_dev() {
  local name=$1 log=$LOGS/$1-service.log out
  shift
  DEV_LOG=$log
  DEV_DATA=$(mktemp -d "${TMPDIR:-/tmp}/oss-valet-$name.XXXXXX")
  trap stop_dev EXIT
  exec {out}< <(exec "$BINARY" dev --json --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0 --simulator-listen 127.0.0.1:0 \
    --data "$DEV_DATA" "$@" 2>"$log")
  DEV_PID=$!
  IFS= read -r -t 60 OSS_VALET_DEV <&"$out" || die "oss-valet dev did not get ready; its last words ($log):" "$(tail -n 20 "$log")"
  export OSS_VALET_DEV
}

stop_dev() {
  if [ -n "${DEV_PID:-}" ]; then
    kill "$DEV_PID" 2>/dev/null || true
    # It is no child of this shell (process substitution): wait until it is gone, then take its data away.
    timeout 10 tail --pid="$DEV_PID" -f /dev/null || kill -9 "$DEV_PID" 2>/dev/null || true
    DEV_PID=
    no_secret_in_log
  fi
  rm -rf "${DEV_DATA:?}"
}

# no_secret_in_log — whatever the suite has done: the service's log holds neither the token nor a secret of `dev`'s.
no_secret_in_log() {
  local leaked
  sed -n 's/.*_secret": "\(.*\)".*/\1/p' "$DEV_DATA/dev-secrets.json" >"$DEV_DATA/secrets"
  printf '%s\n' "$OSS_VALET_DEV" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p' >>"$DEV_DATA/secrets"
  leaked=$(grep -c -F -f "$DEV_DATA/secrets" "$DEV_LOG" || true)
  [ "$leaked" = 0 ] || die "$leaked lines of $DEV_LOG hold a token or a secret."
}

# node_tests NAME FILE… — runs them with Node's own runner and ends with the line that tests/run adds up.
node_tests() {
  local name=$1 report=$LOGS/$1.tap status=0
  shift
  node --test --test-reporter=spec --test-reporter-destination=stdout --test-reporter=tap --test-reporter-destination="$report" "$@" || status=$?
  awk '/^# pass /{p=$3} /^# fail /{f=$3} /^# cancelled /{c=$3} END{printf "%d passed, %d failed\n", p, f+c}' "$report"
  return "$status"
}
