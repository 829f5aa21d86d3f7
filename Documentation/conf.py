# SPDX-License-Identifier: GPL-2.0
# For tools/docs; inside a kernel tree its own is used.
import os
import sys

kernel = os.environ['KERNEL_TREE']
sys.path.insert(0, os.path.join(kernel, 'Documentation/sphinx'))

project = 'vDPA'
html_theme = 'alabaster'
extensions = ['kerneldoc']
kerneldoc_bin = os.path.join(kernel, 'scripts/kernel-doc')
kerneldoc_srctree = os.path.abspath('..')
