"""Numbers as sim/report/numbers.cpp writes them, a second time: what the page shows is checked against this."""

import math
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

NONE = "—"
HOUR, DAY, YEAR = 3600, 86400, 365.25 * 86400


def grouped(text):
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole, point, fraction = text.partition(".")
    groups = []
    while len(whole) > 3:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    return sign + " ".join([whole, *groups]) + point + fraction


def half_away(value):
    return float(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))


def fixed(value, decimals):
    if not math.isfinite(value):
        return NONE
    step = 10.0 ** -decimals
    shown = half_away(value / step) * step if decimals < 0 else value
    if abs(shown) < step / 2:
        shown = 0.0
    places = max(decimals, 0)
    return grouped(f"{Decimal(shown).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN):f}")


def decimals_of(value):
    size = abs(value)
    if not math.isfinite(size) or size == 0:
        return 0
    decimals = 2 - math.floor(math.log10(size))
    if half_away(size * 10.0 ** decimals) >= 1000:
        decimals -= 1
    return min(max(decimals, -12), 12)


def time_unit(seconds):
    size = abs(seconds)
    for least, scale, name in ((2 * YEAR, YEAR, "years"), (2 * DAY, DAY, "days"), (2 * HOUR, HOUR, "h"),
                               (0.9995, 1, "s"), (0.9995e-3, 1e-3, "ms")):
        if size >= least or (size == 0 and name == "s"):
            return scale, name
    return 1e-6, "µs"


def memory_unit(value):
    size = abs(value)
    for least, scale, name in ((1e4 * 2**30, 2**40, "TiB"), (0.9995 * 2**30, 2**30, "GiB"),
                               (0.9995 * 2**20, 2**20, "MiB")):
        if size >= least or (size == 0 and name == "GiB"):
            return scale, name
    return 2**10, "KiB"


def three_digits(value):
    if not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    if abs(value) < 1e-6:
        return f"{value:.2e}"
    text = fixed(value, decimals_of(value))
    whole = abs(value - half_away(value)) < 1e-9 * abs(value)
    return text.split(".")[0] if whole else text


def scale_of(value):
    for factor, suffix in ((1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor * 0.9995:
            return factor, suffix
    return 1, ""


def scaled(value):
    factor, suffix = scale_of(value)
    return three_digits(value / factor) + suffix


def scaled_in(unit):
    return lambda value: scaled(value) + ("" if scale_of(value)[1] else " ") + unit


def in_unit(value, unit):
    return fixed(value / unit[0], decimals_of(value / unit[0])) + " " + unit[1]


def percent(share):
    value = 100 * share
    if value == 0:
        return "0 %"
    if abs(value) < 0.05:
        return "<0.1 %"
    return fixed(value, 1 if abs(value) < 9.95 else 0) + " %"


def signed(value, text):
    return text if value == 0 or text.startswith("<") else ("+" if value > 0 else "−") + text


def signed_percent(share):
    return signed(share, percent(abs(share)))


def probability(p):
    return "> 0.99" if p > 0.99 else "< 0.01" if p < 0.01 else fixed(p, 2)


def interval(unit_of):
    def shown(predicted):
        if predicted["value"] is None:
            return f"[{NONE}]"
        scale = unit_of(predicted["value"])[0]
        low, high = predicted["low"] / scale, predicted["high"] / scale
        decimals = decimals_of(high)
        if high > low:
            decimals = min(decimals, 1 - math.floor(math.log10(high - low)))
        return f"[{fixed(low, decimals)} … {fixed(high, decimals)}]"
    return shown


def part(line):
    rounded, decimals = line["rounded"], line["decimals"]
    if rounded == 0 and line["exact"] > 0:
        return f"<{fixed(10.0 ** -decimals, decimals)} {line['unit']}"
    return ("0" if rounded == 0 else fixed(rounded, decimals)) + " " + line["unit"]


FORMATS = {
    "duration": lambda v: in_unit(v, time_unit(v)),
    "signed_duration": lambda v: signed(v, in_unit(abs(v), time_unit(v))),
    "memory": lambda v: in_unit(v, memory_unit(v)),
    "percent": percent, "signed_percent": signed_percent, "probability": probability, "part": part,
    "three_digits": three_digits, "scaled": scaled,
    "count": lambda v: grouped(f"{half_away(v):.0f}"),
    "ordinal": lambda v: grouped(f"{v + 1:.0f}"),
    "factor": lambda v: three_digits(v) + " ×",
    "bytes_rate": scaled_in("B/s"), "flops_rate": scaled_in("FLOP/s"), "flops": scaled_in("FLOP"),
    "interval_duration": interval(time_unit), "interval_memory": interval(memory_unit),
    "interval_percent": interval(lambda _: (0.01, "")), "interval_scaled": interval(scale_of),
    "interval_plain": interval(lambda _: (1, "")),
}


def show(value, name):
    return NONE if value is None else FORMATS[name](value)
