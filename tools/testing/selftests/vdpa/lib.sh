# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that drive the devices with tools: TAP on stdout, devices by
# iproute2's vdpa. A test says plan N, then N times one of check, refuse, skip
# or result, and ends with finish.

KSFT_SKIP=4

seen=0 planned=0 failures=0
scratch=$(mktemp -d) || exit 1
devices=()

plan() {
	planned=$1
	printf 'TAP version 13\n1..%d\n' "$planned"
	[ "$(id -u)" = 0 ] || skip_all "needs root"
}

# result STATUS NAME: ok when the status is 0
result() {
	seen=$((seen + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $seen $2"
	else
		failures=$((failures + 1))
		echo "not ok $seen $2"
	fi
}

skip() { # NAME REASON
	seen=$((seen + 1))
	echo "ok $seen $1 # SKIP $2"
}

skip_all() { # REASON
	[ "$planned" -gt 0 ] || echo "1..0 # SKIP $1"
	while [ "$seen" -lt "$planned" ]; do
		skip "all" "$1"
	done
	exit $KSFT_SKIP
}

need() { # TOOL...
	local tool
	for tool; do
		command -v "$tool" >/dev/null || skip_all "$tool is not installed"
	done
}

note() {
	sed 's/^/# /'
}

# check NAME COMMAND...: must succeed
check() {
	local name=$1 status
	shift
	"$@" >"$scratch/said" 2>&1
	status=$?
	[ $status -eq 0 ] || { echo "\$ $*: status $status"; head -n 10 "$scratch/said"; } | note
	result $status "$name"
}

# refuse NAME PATTERN COMMAND...: must fail and say what the pattern matches
refuse() {
	local name=$1 pattern=$2 status
	shift 2
	if "$@" >"$scratch/said" 2>&1; then
		echo "\$ $*: succeeded" | note
		status=1
	else
		grep -qE -- "$pattern" "$scratch/said"
		status=$?
		[ $status -eq 0 ] ||
			{ echo "\$ $*: said no $pattern but"; cat "$scratch/said"; } | note
	fi
	result $status "$name"
}

not() {
	! "$@"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $until ] || return 1
		sleep 0.05
	done
}

# add NAME net|blk [OPTION...]: a simulated device, gone when the test ends.
# Older versions of iproute2 lack device_features.
add() {
	local name=$1 class=$2 adder=(vdpa dev add)
	shift 2
	[[ " $* " != *' device_features '* ]] || adder=(./devtool add)
	modprobe "vdpa_sim_$class" &&
		"${adder[@]}" name "$name" mgmtdev "vdpasim_$class" "$@" || return
	devices+=("$name")
}

# del NAME...
del() {
	local name status=0
	for name; do
		vdpa dev del "$name" || status=1
	done
	return $status
}

# bind NAME DRIVER: gives a device to vhost_vdpa or virtio_vdpa
bind() {
	local dev=/sys/bus/vdpa/devices/$1
	modprobe "$2" || return
	[ "$(driver_of "$1")" != "$2" ] || return 0
	[ ! -e "$dev/driver" ] || echo "$1" >"$dev/driver/unbind" || return
	echo "$2" >"$dev/driver_override" &&
		echo "$1" >"/sys/bus/vdpa/drivers/$2/bind"
}

driver_of() {
	local link
	link=$(readlink "/sys/bus/vdpa/devices/$1/driver") && echo "${link##*/}"
}

# The network interface or disk that virtio_vdpa made of device NAME
netdev_of() {
	basename "$(echo /sys/bus/vdpa/devices/"$1"/virtio*/net/*)" | grep -v '\*'
}

disk_of() {
	basename "$(echo /sys/bus/vdpa/devices/"$1"/virtio*/block/*)" | grep -v '\*'
}

cleanup() {
	local name
	# a background job that is killed before it gets to its program
	[ "$BASHPID" = $$ ] || return
	for name in "${devices[@]}"; do
		[ ! -e "/sys/bus/vdpa/devices/$name" ] || vdpa dev del "$name"
	done
	rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

finish() {
	[ "$seen" -eq "$planned" ] || { echo "# $seen of $planned tests ran"; exit 1; }
	[ "$failures" -eq 0 ]
	exit
}
