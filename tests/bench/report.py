"""The table that `make bench` prints."""

COLUMNS = ("work", "wall", "CPU", "server", "peak", "target", "limit", "result")


def seconds(value):
    """Three digits that count: 12.3 s, 1.23 s, 123 ms, 1.23 ms, 12.3 us."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1 or unit == "us":
            return "%s %s" % (three(value * factor), unit)
    return ""


def three(value):
    return "%.0f" % value if value >= 100 else "%.1f" % value if value >= 10 else "%.2f" % value


def megabytes(value):
    return "%.0f MB" % (value / 1e6)


def ratio(value):
    return "%.2fx" % value


class Report:
    def __init__(self):
        self.lines = []
        self.met = self.missed = 0

    def heading(self, text):
        self.lines.append(text)

    def cost(self, name, cost, target="", limit=None):
        """A line of what a program cost; with a target, judged by the wall clock."""
        self._add(["  " + name, seconds(cost.wall), seconds(cost.cpu) if cost.cpu else "",
                   seconds(cost.server) if cost.server else "", megabytes(cost.peak) if cost.peak else ""],
                  cost.wall, target, limit, seconds)

    def figure(self, name, value, form, target="", limit=None, least=False):
        """A line of one figure; least: it has to be above its limit."""
        self._add(["  " + name, form(value), "", "", ""], value, target, limit, form, least)

    def _add(self, cells, value, target, limit, form, least=False):
        cells += [target, "", ""]
        if limit is not None:
            met = value >= limit if least else value <= limit
            self.met += met
            self.missed += not met
            cells[-2] = form(limit)
            cells[-1] = "%s (%.2f)" % ("pass" if met else "MISS", value / limit)
        self.lines.append(cells)

    def text(self):
        rows = [list(COLUMNS)] + [line for line in self.lines if isinstance(line, list)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]

        def row_text(row):
            cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:5], widths[1:5])]
            cells += [row[5].ljust(widths[5]), row[6].rjust(widths[6]), row[7]]
            return "  ".join(cells).rstrip()

        out = [row_text(list(COLUMNS)), "-" * (sum(widths) + 2 * (len(widths) - 1))]
        for line in self.lines:
            out.append(row_text(line) if isinstance(line, list) else line)
        return "\n".join(out) + "\n"
