"""The window as a page for the printer, in true size."""

from functools import partial

from dashboard.analysis.signal_filters import Filters
from dashboard.figures.clock import clock
from dashboard.figures.lead_layouts import LeadLayout
from dashboard.figures.print_ecg import FORMATS, PrintWords, ecg_page, printed_window
from dashboard.ui.ecg.heart import Heart
from dashboard.ui.ecg.paper_leads import layout_words, shown_leads
from dashboard.ui.panels import Download
from dashboard.ui.window import Window


def page_downloads(
    heart: Heart, shown: Window, layout: LeadLayout, filters: Filters, before: bool
) -> tuple[Download, ...]:
    """Words under the paper that save it as an A4 page; a page is drawn when one is pressed."""
    start, end = printed_window(shown.span)
    part = Window(shown.digest, start, end - start)
    leads = shown_leads(heart, part, layout, filters, before).leads
    words, beats = page_words(heart, part, layout, filters), heart.marks
    return tuple(
        Download(
            f"A4 {kind}",
            f"ecg_a4.{kind.lower()}",
            mime,
            partial(ecg_page, leads, part.span, words, kind, beats=beats),
        )
        for kind, mime in FORMATS.items()
    )


def page_words(heart: Heart, part: Window, layout: LeadLayout, filters: Filters) -> PrintWords:
    """The lines of the page: the sample by its name, never a patient's."""
    sample = heart.sample
    facts = [
        layout_words(layout, sample, part),
        f"drawn {filters.words}, zero phase" if filters else "no filter",
        f"beats: {heart.answer.spec.name} on {sample.channels[heart.lead]}",
        f"{sample.sampling_rate:g} Hz",
    ]
    title = f"{sample.name} · {clock(part.start)} to {clock(part.span[1])}"
    return PrintWords(title, " · ".join(fact for fact in facts if fact))
