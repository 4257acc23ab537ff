# SPDX-License-Identifier: GPL-3.0-or-later
"""The chart: CPU time of each operation, user and kernel, a panel for each workload."""

COLOURS = ("#1f6f5c", "#9fc9bd"), ("#7a7a7a", "#cccccc")  # Weir's and the others': user, kernel


def _panel(axes, name, rows):
    labels = list(rows)[::-1]
    for at, label in enumerate(labels):
        user, kernel = COLOURS[0 if label.startswith("weir") else 1]
        row = rows[label]
        axes.barh(at, row["user_us"], color=user)
        axes.barh(at, row["kernel_us"], left=row["user_us"], color=kernel)
        axes.text(row["cpu_us"], at, f" {row['cpu_us']:,.1f}", va="center", fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=8)
    axes.set_title(name, fontsize=9)
    axes.tick_params(axis="x", labelsize=7)
    axes.margins(x=0.2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw(outcomes, path):
    """The path, or None where there is nothing to draw or nothing to draw with."""
    panels = {name: outcome["rows"] for name, outcome in outcomes.items()
              if "rows" in outcome and all("cpu_us" in row for row in outcome["rows"].values())}
    try:
        import matplotlib  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("no chart: python3-matplotlib is not installed")
        return None
    if not panels:
        return None
    matplotlib.use("Agg")
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    size = max(4 * columns, 6.5), 1.9 * lines + 0.6
    figure, grid = pyplot.subplots(lines, columns, figsize=size,
                                   squeeze=False, layout="constrained")
    every = [axes for line in grid for axes in line]
    for axes, (name, rows) in zip(every, panels.items()):
        _panel(axes, name, rows)
    for axes in every[len(panels):]:
        axes.set_visible(False)
    figure.suptitle("CPU microseconds per operation (dark: user, light: kernel); less is better",
                    fontsize=10)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
