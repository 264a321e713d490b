# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What `uml` and `qemu` share: options, the machine's directory and disks, time-out, power cut, result.
# Sourced by them; each defines boot, which becomes the machine's process, and calls run_machine "$@".
#
# The machine's directory is the only place on the host that the machine can write to. Inside it is
# /run/machine. It holds
#   disk0.img ...  the raw disks            command, directory  what to run, and where
#   output         what the command wrote   status              its exit status, absent if it did not end
#   console.log    the kernel's messages    boot                how often it was booted

readonly EXIT_TIMEOUT=124 EXIT_MACHINE=125 EXIT_POWER_CUT=137 MAX_BOOTS=50

usage() {
  cat <<END
usage: ${0##*/} [OPTION...] COMMAND [ARGUMENT...]
Runs COMMAND as root on a small machine of its own. The root file system is the host's, as it is; what the
machine writes to it is forgotten at its end. The working directory is kept.
  --disk SIZE          adds a disk; their names are in \$DISKS inside. SIZE as truncate(1) takes it
  --mem SIZE           memory, by default 512M
  --timeout SECONDS    the machine is killed after that, by default 300
  --keep DIR           the machine's directory: kept at the end, and found as it is (disks included) by the
                       next machine that is given it. By default a temporary one
  --systemd            systemd is the first process; COMMAND is a service after local-fs.target. What is in
                       lasting/etc of the machine's directory is put into /etc before
  --kill-after MARKER  cuts the power as soon as MARKER appears in the output
  --reboot-after MARKER  the same, and boots again with the same disks and the same COMMAND. \$BOOT is 1 at
                       first, then 2, ...; the time-out is for each boot
Exit status: that of COMMAND; $EXIT_TIMEOUT after the time-out; $EXIT_POWER_CUT after a power cut without reboot;
$EXIT_MACHINE if the machine could not be used or died.
END
}

trouble() {
  echo "${0##*/}: $*" >&2
  exit "$EXIT_MACHINE"
}

parse_options() {
  disk_sizes=() mem=512M timeout=300 keep='' marker='' reboot='' systemd=''
  while [ $# -gt 0 ]; do
    case $1 in
      --disk) disk_sizes+=("$2") && shift 2 ;;
      --mem) mem=$2 && shift 2 ;;
      --timeout) timeout=$2 && shift 2 ;;
      --keep) keep=$2 && shift 2 ;;
      --systemd) systemd=1 && shift ;;
      --kill-after) marker=$2 && shift 2 ;;
      --reboot-after) marker=$2 && reboot=1 && shift 2 ;;
      --help) usage && exit 0 ;;
      -*) usage >&2 && exit "$EXIT_MACHINE" ;;
      *) break ;;
    esac
  done
  [ $# -gt 0 ] || { usage >&2 && exit "$EXIT_MACHINE"; }
  command=("$@")
}

# Memory-backed if all disks and the machine's memory fit there, else on disk.
temporary_directory() {
  local size bytes need free
  need=$(numfmt --from=iec "$mem")
  for size in "${disk_sizes[@]}"; do
    bytes=$(numfmt --from=iec "$size")
    need=$((need + bytes))
  done
  free=$(df --output=avail -B1 /dev/shm 2>/dev/null | tail -n 1)
  if [ "${free:-0}" -gt "$need" ]; then
    mktemp -d /dev/shm/dmjob-machine.XXXXXX
  else
    mktemp -d /var/tmp/dmjob-machine.XXXXXX
  fi
}

prepare_directory() {
  if [ -n "$keep" ]; then
    mkdir -p "$keep"
    machine_dir=$(realpath "$keep")
  else
    machine_dir=$(temporary_directory)
  fi
  # The path goes through a kernel command line and mount options.
  case $machine_dir in
    *[!A-Za-z0-9._/-]*) trouble "no blank or comma can be in the path of a machine's directory: $machine_dir" ;;
  esac
  printf '%q ' "${command[@]}" >"$machine_dir/command"
  pwd >"$machine_dir/directory"
  echo "$timeout" >"$machine_dir/timeout"
  [ -z "$systemd" ] || : >"$machine_dir/systemd"
}

prepare_disks() {
  local size
  disks=()
  for size in "${disk_sizes[@]}"; do
    disks+=("$machine_dir/disk${#disks[@]}.img")
    [ -e "${disks[-1]}" ] || truncate -s "$size" "${disks[-1]}"
  done
}

# Everything that belongs to the machine is in its process group.
cut_power() {
  kill -KILL -- "-$machine" 2>/dev/null
  wait "$machine" 2>/dev/null
}

clean_up() {
  [ -z "${machine:-}" ] || cut_power
  [ -n "$keep" ] || [ -z "${machine_dir:-}" ] || rm -rf "$machine_dir"
}

# Sets ending to: ended, timeout or power-cut.
watch_machine() {
  local deadline=$((SECONDS + timeout))
  ending=ended
  while kill -0 "$machine" 2>/dev/null; do
    if [ -n "$marker" ] && grep -qF -- "$marker" "$machine_dir/output"; then
      ending=power-cut
    elif [ "$SECONDS" -ge "$deadline" ]; then
      ending=timeout
    fi
    [ $ending = ended ] || { cut_power && break; }
    sleep 0.05
  done
}

# From init on, or all if the machine did not come that far; not more than 60 lines.
show_console() {
  echo "--- the machine's console, its last lines:"
  tr -d '\r' <"$machine_dir/console.log" | tac | sed '/as init process/q' | tac | tail -n 60
  echo "---"
}

report() {
  local status
  if [ $ending = power-cut ]; then
    exit "$EXIT_POWER_CUT"
  elif [ $ending = timeout ]; then
    show_console
    echo "${0##*/}: killed after $timeout seconds" >&2
    exit "$EXIT_TIMEOUT"
  elif [ ! -s "$machine_dir/status" ]; then
    show_console
    trouble "the machine died before the command had ended"
  fi
  status=$(<"$machine_dir/status")
  [ "$status" = 0 ] || show_console
  exit "$status"
}

# Boots the machine for the $1-th time and waits for its end.
run_once() {
  rm -f "$machine_dir/status"
  : >"$machine_dir/output"
  echo "$1" >"$machine_dir/boot"
  set -m # the machine gets a process group of its own
  boot </dev/null >"$machine_dir/console.log" 2>&1 &
  machine=$!
  set +m
  watch_machine 2>/dev/null # bash reports a killed job there
  cat "$machine_dir/output"
}

run_machine() {
  local boot=1
  parse_options "$@"
  trap clean_up EXIT
  trap 'exit 143' HUP INT TERM
  prepare_directory
  prepare_disks
  run_once $boot
  while [ $ending = power-cut ] && [ -n "$reboot" ]; do
    boot=$((boot + 1))
    [ $boot -le "$MAX_BOOTS" ] || trouble "the power went off $MAX_BOOTS times"
    run_once $boot
  done
  report
}
