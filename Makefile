# SPDX-License-Identifier: GPL-2.0
#
# Builds the vDPA modules outside the kernel tree. "make help" lists the targets.

# The newest installed 6.12 headers, unless KVER= or KDIR= say otherwise
KVER ?= $(shell tools/testing/kver)
KDIR ?= /lib/modules/$(KVER)/build

VDPA_CONFIG := CONFIG_VDPA=m CONFIG_VDPA_VRING=m CONFIG_VDPA_SIM=m \
	CONFIG_VDPA_SIM_NET=m CONFIG_VDPA_SIM_BLOCK=m CONFIG_VP_VDPA=m \
	CONFIG_VDPA_USER= CONFIG_VDPA_MOCK=m CONFIG_VHOST_VDPA=m CONFIG_VIRTIO_VDPA=m

# sparse can't follow the guards of cleanup.h, not even those in the kernel's
# own headers, and takes them for unbalanced locks
CF ?= -Wno-context

# The kernel's configuration leaves out some of what we have
KBUILD = $(MAKE) -C "$(KDIR)" M="$(CURDIR)" CF="$(CF)" $(VDPA_CONFIG)

# A headers package has neither the key to sign with nor the System.map that
# the kernel's own depmod step asks for
DEPMOD = PATH="$$PATH:/sbin" depmod -a \
	$(if $(INSTALL_MOD_PATH),-b "$(INSTALL_MOD_PATH)") $$(KERNELRELEASE)

SELFTESTS := tools/testing/selftests/vdpa

.PHONY: all modules modules_install clean kernel-headers help \
	htmldocs deps demo test test-debug test-debug-selfcheck bench check \
	coverage fuzz

all: modules

kernel-headers:
	@test -n "$(KVER)" -o "$(origin KDIR)" != file && test -d "$(KDIR)" || { \
		echo "No Linux 6.12 headers found; install them by: tools/testing/deps build" >&2; \
		exit 1; }

modules: kernel-headers
	+@$(KBUILD) --no-print-directory modules

modules_install: kernel-headers
	+@$(KBUILD) --no-print-directory INSTALL_MOD_DIR=updates \
		CONFIG_MODULE_SIG_ALL= cmd_depmod='$(DEPMOD)' modules_install

clean:
	+@$(KBUILD) --no-print-directory clean
	+@$(MAKE) --no-print-directory -C $(SELFTESTS) clean

demo:
	@tools/testing/demo

test:
	@tools/testing/test $(or $(GROUP),$(if $(TESTS),vdpa)) $(TESTS)

test-debug:
	@tools/testing/test -k $(or $(KERNEL),debug) $(or $(GROUP),$(if $(TESTS),vdpa)) $(TESTS)

test-debug-selfcheck:
	@tools/testing/kernel/selfcheck/run

bench: modules
	@$(SELFTESTS)/bench/run

check:
	@tools/testing/check

coverage:
	@tools/testing/coverage $(or $(GROUP),$(if $(TESTS),vdpa)) $(TESTS)

fuzz:
	@tools/testing/fuzz -t $(or $(TIME),600) $(or $(SURFACE),ring)

htmldocs:
	@tools/docs

deps:
	@tools/testing/deps

help:
	@echo 'Main targets:'
	@echo '  demo             - build, boot a VM, move packets and blocks, show what happens'
	@echo '  test             - build and run all tests in VMs'
	@echo '  test-debug       - the same on a kernel with KASAN, lockdep, kmemleak ..., which'
	@echo '                     it builds first (KERNEL=kcsan: with KCSAN)'
	@echo '  test-debug-selfcheck - whether those kernels notice faults put in on purpose'
	@echo '  coverage         - test on a kernel that counts: lines and branches by module'
	@echo '  fuzz             - look for inputs that break something (SURFACE=, TIME=)'
	@echo '  bench            - measure against the kernel'\''s own modules, as table and plot'
	@echo
	@echo 'Building:'
	@echo '  all, modules     - all modules, against KDIR (W=1: warnings, C=2: sparse)'
	@echo '  modules_install  - install them in updates/, where they replace the kernel'\''s own'
	@echo '  clean            - remove what was built'
	@echo '  check            - W=1 by gcc and clang, sparse, coccinelle, checkpatch, ...'
	@echo '  htmldocs         - the pages of Documentation/ in build/html'
	@echo '  deps             - install the Debian packages that all of this needs'
	@echo
	@echo 'Variables:'
	@echo '  GROUP=NAME       - with test: only this folder of tools/testing/selftests'
	@echo '  TESTS="NAME ..." - with test: only these programs of it'
	@echo '  SURFACE=NAME     - with fuzz: what is attacked, see tools/testing/fuzz -h [ring]'
	@echo '  TIME=SECONDS     - with fuzz: for how long [600]'
	@echo '  KVER=VERSION     - installed kernel headers to build against [$(KVER)]'
	@echo '  KDIR=DIR         - kernel build directory to build against'
	@echo '  V=1              - show each command; with test: show each case'
