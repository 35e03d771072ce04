"""Times of a record as text: minutes and seconds, hours where there are any."""

from math import ceil, floor

STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 21600)


def clock(seconds: float, decimals: int = 1) -> str:
    """`seconds` as 9:30.0, or 1:09:30.0 from an hour on."""
    sign = "−" if seconds < 0 else ""
    scale = 10**decimals
    ticks = round(abs(seconds) * scale)
    whole, part = divmod(ticks, scale)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    tail = f".{part:0{decimals}d}" if decimals else ""
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{sign}{head}:{rest:02d}{tail}"


def clock_step(length: float, wanted: int = 5) -> float:
    """The smallest round step, s, that gives at most about `wanted` ticks over `length` s."""
    return next((step for step in STEPS if length / step <= wanted), STEPS[-1])


def clock_ticks(low: float, high: float, wanted: int = 5) -> tuple[list[float], list[str]]:
    """Round times from `low` to shortly before `high` (s), where text has no room, with text."""
    step = clock_step(high - low, wanted)
    times = [
        k * step
        for k in range(ceil(low / step - 1e-6), floor((high - 0.03 * (high - low)) / step) + 1)
    ]
    decimals = 1 if high - low < 60 else 0
    return times, [clock(time, decimals) for time in times]
