# SPDX-License-Identifier: GPL-3.0-or-later
"""All workloads, in the order of a whole run. Each module lists its own in WORKLOADS."""

from workloads import answers, certs, cores, handshakes, idle, names, replace, routers, upload

MODULES = (handshakes, answers, upload, idle, certs, replace, names, routers, cores)
ALL = {one.name: one for module in MODULES for one in module.WORKLOADS}
