#!/usr/bin/env bash
# scripts/trixie.sh DIRECTORY PACKAGE...: unpacks packages of Debian 13 into a directory, on a machine of an older Debian whose own
# are too old. Nothing is installed.
set -euo pipefail
directory=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

mkdir -p "$work"/lists/partial "$work"/cache/archives/partial "$directory"
mirror=$(awk '/^URIs:/{print $2; exit} /^deb /{for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' \
  /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -1)
echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
  -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work" && "${apt[@]}" download "$@")
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$directory"; done
