# The two kustomizes that the manifests must suit. Sourced after tests/lib/common.sh.
# shellcheck shell=bash

# old_kubectl — sets OLD_KUBECTL: Debian's (1.20). Unpacked aside, for another kubectl may be installed on this machine.
old_kubectl() {
  OLD_KUBECTL=$TARGET/kubectl-debian/usr/bin/kubectl
  [ ! -x "$OLD_KUBECTL" ] || return 0
  need apt-get "These tests take Debian's package kubernetes-client."
  local aside
  aside=$(mktemp -d)
  (cd "$aside" && { apt-get download -q kubernetes-client || { apt-get update -qq && apt-get download -q kubernetes-client; }; }) \
    >"$LOGS/kubectl.log" 2>&1 || die "Debian's kubernetes-client is not to be had:" "$(tail -n 5 "$LOGS/kubectl.log")"
  dpkg -x "$aside"/kubernetes-client_*.deb "$TARGET/kubectl-debian"
  rm -r "$aside"
}

# new_kustomize — sets NEW_KUSTOMIZE: this machine's kubectl, where it is new enough to know components; else nothing, and says
# so: no package of Debian's or PyPI's has one.
new_kustomize() {
  NEW_KUSTOMIZE=
  if kubectl version --client -o json 2>/dev/null | grep -q '"kustomizeVersion": *"v[45]'; then
    NEW_KUSTOMIZE=kubectl
  else
    echo "There is no newer kubectl here: manifests are rendered by Debian's alone, and the component is judged unrendered."
  fi
}
