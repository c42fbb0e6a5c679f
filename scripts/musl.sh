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

bash "$(dirname "${BASH_SOURCE[0]}")/trixie.sh" "$work/musl" musl

echo 'greenlet==3.5.6 --hash=sha256:3dbb4596a6a4e5d47121a33ff20533a81e60f302d9e67b69909a8bc21a43f0a7' >"$work/requirements"
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  --platform musllinux_1_2_x86_64 --python-version 3.12 --dest "$work" --requirement "$work/requirements"
python3 -m zipfile -e "$work"/greenlet-*.whl "$work/wheel"

mkdir -p "$directory"
install -m 755 "$work/musl/usr/lib/x86_64-linux-musl/libc.so" "$directory/ld-musl-x86_64.so.1"
install -m 755 "$work"/wheel/greenlet.libs/libgcc_s-* "$directory"
# Last, because it is what tells that all is there.
install -m 755 "$work"/wheel/greenlet.libs/libstdc++-* "$directory/libstdc++.so.6"
