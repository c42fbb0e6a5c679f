# What the tests of examples, environments and pods need from a machine, for .ci/run to source: each function installs what is
# missing, does nothing where nothing is, and fails where it cannot. What it builds or unpacks lies in .local.

# Kubernetes' published schemas, with the program that validates by them: a package of PyPI's has those of every version.
kubernetes_schemas() {
  [[ -x .local/kubernetes/bin/kubernetes-validate ]] && return 0
  python3 -m venv .local/kubernetes &&
    .local/kubernetes/bin/pip install --quiet --disable-pip-version-check kubernetes-validate==1.37.0
}

kustomize() {
  kubectl kustomize --help >/dev/null 2>&1 && return 0
  command kustomize version >/dev/null 2>&1 && return 0
  GOBIN=$PWD/.local/bin go install sigs.k8s.io/kustomize/kustomize/v5@v5.8.2
}

# Both generations of compose: the first is Debian's package, the second is built from its Go module where the engine's client
# has no plugin for it (some minutes the first time on a machine, seconds later).
composes() {
  local version=v2.40.3 module=github.com/docker/compose/v2
  docker-compose version >/dev/null 2>&1 || {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker-compose || return
  }
  docker compose version >/dev/null 2>&1 && return 0
  [[ -x .local/bin/docker-compose ]] && return 0
  mkdir -p .local/bin .local/compose || return
  (
    cd .local/compose || exit
    [[ -f go.mod ]] || go mod init build >/dev/null 2>&1
    export GOFLAGS=-mod=mod
    go get "$module@$version" >/dev/null 2>&1 &&
      go build -ldflags "-s -w -X $module/internal.Version=$version" -o ../bin/docker-compose "$module/cmd"
  )
}

# podman, and the pause program of its pods.
pods() {
  local missing=()
  command -v podman >/dev/null || missing+=(podman)
  command -v catatonit >/dev/null || missing+=(catatonit)
  if ((${#missing[@]})); then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
      containernetworking-plugins iptables || return
  fi
  podman info >/dev/null
}
