# What the tests need from a machine, for .ci/run to source: each function installs what is missing, does nothing where nothing is,
# and fails where it cannot. What it unpacks lies in .local.

install_packages() { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; }

packages() {
  local missing=()
  command -v rsync >/dev/null || missing+=(rsync)
  command -v strace >/dev/null || missing+=(strace)
  command -v script >/dev/null || missing+=(bsdutils)
  command -v cc >/dev/null || missing+=(gcc libc6-dev)
  command -v python3 >/dev/null || missing+=(python3)
  python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
  python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
  command -v mkfs.xfs >/dev/null || missing+=(xfsprogs)
  command -v mount.exfat-fuse >/dev/null || missing+=(exfat-fuse)
  command -v mkfs.exfat >/dev/null || missing+=(exfatprogs)
  ((${#missing[@]})) || return 0
  install_packages "${missing[@]}"
}

# A machine without an engine, or without a registry to take the base images from, has a script for both beside the clone.
engine() { # SCRIPT
  if [[ -f $1 ]]; then bash "$1" || return; fi
  docker info >/dev/null
}

# Kubernetes' published schemas, with the program that validates by them: a package of PyPI's has those of every version.
kubernetes_schemas() {
  [[ -x .local/kubernetes/bin/kubernetes-validate ]] && return 0
  python3 -m venv .local/kubernetes &&
    .local/kubernetes/bin/pip install --quiet --disable-pip-version-check kubernetes-validate==1.37.0
}

kustomize() {
  kubectl kustomize --help >/dev/null 2>&1 && return 0
  command kustomize version >/dev/null 2>&1 && return 0
  [[ -x .local/bin/kustomize ]] || from_trixie kustomize usr/bin/kustomize kustomize
}

# Both generations of compose: the first is a package of Debian 12, the second of Debian 13, where the engine's client has no plugin.
composes() {
  docker-compose version >/dev/null 2>&1 || install_packages docker-compose || return
  docker compose version >/dev/null 2>&1 && return 0
  [[ -x .local/bin/docker-compose ]] || from_trixie docker-compose usr/libexec/docker/cli-plugins/docker-compose docker-compose
}

from_trixie() { # PACKAGE FILE NAME: a program of Debian 13, to be run from .local/bin
  local unpacked=.local/trixie/$1
  bash scripts/trixie.sh "$unpacked" "$1" && mkdir -p .local/bin && install -m 755 "$unpacked/$2" ".local/bin/$3"
}

# podman, and the pause program of its pods.
pods() {
  local missing=()
  command -v podman >/dev/null || missing+=(podman)
  command -v catatonit >/dev/null || missing+=(catatonit)
  if ((${#missing[@]})); then
    install_packages "${missing[@]}" containernetworking-plugins iptables || return
  fi
  podman info >/dev/null
}
