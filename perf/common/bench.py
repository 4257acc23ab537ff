# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run shares: where the programs are, the backend, the cores, and how long to measure."""

import os

from common import processes, servers

SHORT_S = 2  # below this a run only shows that everything works


class Bench:
    def __init__(self, build, folder, peers, rounds, seconds):
        self.build, self.weir, self.folder = build, os.path.join(build, "weir"), folder
        self.peers, self.rounds, self.seconds = peers, rounds, seconds
        self.short = seconds < SHORT_S
        self.server_cpus, self.client_cpus = processes.cores()
        self._folders = 0
        os.makedirs(f"{folder}/backend")
        self.backend = servers.Backend(f"{folder}/backend", self.client_cpus)

    def make_folder(self, name):
        self._folders += 1
        path = os.path.join(self.folder, f"{self._folders}-{name}")
        os.makedirs(path)
        return path

    def close(self):
        self.backend.stop()
