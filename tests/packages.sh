# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by tests/run and tests/demo: which Debian 12 packages they need.

packages_to_build=(
  g++ cmake ninja-build ccache pkg-config
  libdevmapper-dev libaio-dev libsystemd-dev libudev-dev libblkid-dev nlohmann-json3-dev libgtest-dev libgmock-dev
  libboost1.81-dev libboost-program-options1.81-dev libbenchmark-dev
)
# The user-mode kernel, and what is run in it.
packages_of_machines=(
  user-mode-linux busybox-static kmod python3 dmsetup util-linux iproute2 e2fsprogs xfsprogs btrfs-progs fio udev lvm2
  mdadm
)

# install_packages PACKAGE...: those that are missing.
install_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q update && apt-get -q install -y --no-install-recommends "${missing[@]}"
}
