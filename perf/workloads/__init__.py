# SPDX-License-Identifier: GPL-3.0-or-later
"""All workloads, in the order of a whole run. Each module lists its own in WORKLOADS."""

from workloads import answers, handshakes

MODULES = (handshakes, answers)
ALL = {one.name: one for module in MODULES for one in module.WORKLOADS}
