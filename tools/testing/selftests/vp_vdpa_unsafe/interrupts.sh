#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Without interrupt remapping a function is not for user space, unless whoever
# owns the machine says so.
cd "$(dirname "$0")/../vp_vdpa" || exit 1
# shellcheck source=../vp_vdpa/lib.sh
. ./lib.sh

allow=/sys/module/vhost_vdpa/parameters/allow_unsafe_interrupts

plan 8
need_functions rng
rng=$(functions rng)

check "device of a function" add_function rng "$rng"
check "it is given to vhost_vdpa" bind rng vhost_vdpa
refuse "which does not open it" 'not permitted' open_node rng
check "and says what to do" \
	logged 'no interrupt remapping: .* load vhost_vdpa with allow_unsafe_interrupts=1'
check "by the module's parameter" eval "echo 1 >$allow"
check "it opens" open_node rng
check "but not without a warning" logged 'a client can raise any interrupt'
echo 0 >"$allow"
refuse "as long as it is set" 'not permitted' open_node rng

give "$rng" ''
finish
