#!/usr/bin/env bash
# scripts/musl.sh DIRECTORY: what an executable for musl needs beside it, on a machine of glibc, to be tested there: musl's loader,
# from Debian 13 (the musl of Debian 12 is too old for what Alpine builds today), and libstdc++ and libgcc as Alpine has them,
# which wheels for musl bring along. x64. An Alpine image has all of it after `apk add libstdc++`.
set -euo pipefail
directory=$1
[[ -e $directory/libstdc++.so.6 ]] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

mkdir -p "$work"/lists/partial "$work"/cache/archives/partial
mirror=$(awk '/^URIs:/{print $2; exit} /^deb /{for (i = 2; i <= NF; i++) if ($i ~ /^http/) {print $i; exit}}' \
  /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | head -1)
echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/sources.list"
apt=(apt-get -qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
  -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update
(cd "$work" && "${apt[@]}" download musl && dpkg-deb -x musl_*.deb musl)

echo 'greenlet==3.5.6 --hash=sha256:3dbb4596a6a4e5d47121a33ff20533a81e60f302d9e67b69909a8bc21a43f0a7' >"$work/requirements"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --platform musllinux_1_2_x86_64 --python-version 3.12 --dest "$work" --requirement "$work/requirements"
python3 -m zipfile -e "$work"/greenlet-*.whl "$work/wheel"

mkdir -p "$directory"
install -m 755 "$work/musl/usr/lib/x86_64-linux-musl/libc.so" "$directory/ld-musl-x86_64.so.1"
install -m 755 "$work"/wheel/greenlet.libs/libgcc_s-* "$directory"
# Last, because it is what tells that all is there.
install -m 755 "$work"/wheel/greenlet.libs/libstdc++-* "$directory/libstdc++.so.6"
