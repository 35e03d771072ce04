"""A network over the whole scan: what it will cost, the run, and its map over the planes."""

from contextlib import closing

import numpy as np
import streamlit as st

from dashboard.analysis.whole import (
    DENSE,
    SLIDING,
    WINDOWS,
    ClassMap,
    Whole,
    WholeAnswer,
    methods,
    plan_whole,
    whole_map,
)
from dashboard.data.writers.nifti_file import map_nifti_bytes
from dashboard.ui import cache, panels, state, tasks
from dashboard.ui.scan import settings, whole_results
from dashboard.ui.scan.answer import label_nifti
from dashboard.ui.scan.place import Place
from dashboard.ui.scan.planes import show_planes
from dashboard.ui.words import duration, literal, shape_text, thousands
from models import registry

WANTED = "scan-whole-wanted"  # session key: what was pressed: (digest, network, method, step, air)
FINER = (1, 2, 4)  # parts of the network's stride offered as a step
TITLES = {WINDOWS: "Patch by patch", DENSE: "One pass", SLIDING: "Sliding window"}
MB = 2**20

Key = tuple[str, str, str, int, bool]


def show_whole(place: Place) -> None:
    """The plan, the button that starts it, and what came out over the three planes."""
    panels.head("Whole scan", f"{place.spec.name} at every place of the scan")
    ways = methods(place.spec)
    if ways and registry.trained(place.spec.name, place.sample.dim):
        _show_run(place, ways)
    else:
        st.markdown(
            f":gray[{place.spec.name} gives one answer for all it is fed. Choose a trained network "
            "for patches of a scan, or one that segments.]"
        )
    _show_result(place)
    show_planes(place)


def _show_run(place: Place, ways: tuple[str, ...]) -> None:
    """Choices, plan and button; the run itself when the button was pressed."""
    digest, model = place.sample.digest, place.spec.name
    words = st.container(gap="xsmall")
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    with row:
        method, parts, air = _choices(ways)
    try:
        plan = planned(digest, model, method, parts)
    except ValueError as error:
        st.info(literal(str(error)), icon=":material/info:")
        return
    key: Key = (digest, model, method, parts, air)
    name = f"whole-{'-'.join(map(str, key))}"
    with words:
        st.markdown(_plan_words(place, plan))
    cancelled = st.session_state.setdefault(tasks.CANCELLED, set())
    if name in cancelled:  # the plan stays in sight; another press starts again
        cancelled.discard(name)
        st.session_state.pop(WANTED, None)
        st.info("The run was cancelled; nothing of it is kept.", icon=":material/cancel:")
    row.button(
        "Run over the whole scan",
        icon=":material/play_arrow:",
        on_click=lambda: st.session_state.update({WANTED: key}),
    )
    if st.session_state.get(WANTED) == key:
        _run(place, plan, key, name)


def _choices(ways: tuple[str, ...]) -> tuple[str, int, bool]:
    """Method, parts of the stride, and whether air is left out."""
    method, parts = ways[0], 1
    if len(ways) > 1:
        method = st.segmented_control(
            "Method",
            ways,
            default=ways[0],
            format_func=TITLES.get,
            required=True,
            key="scan-whole-method",
            label_visibility="collapsed",
            help="Patch by patch: each answer is that of the crosshair there. One pass: as "
            "convolutions over the scan, many times faster.",
        )
    if method == WINDOWS:
        parts = st.segmented_control(
            "Step",
            FINER,
            default=1,
            format_func={1: "coarse", 2: "finer", 4: "finest"}.get,
            required=True,
            key="scan-whole-parts",
            label_visibility="collapsed",
        )
    air = method != DENSE and st.toggle(
        "Leave out air",
        key="scan-whole-air",
        help="Windows without a voxel brighter than a tenth of the scan's range are not run.",
    )
    return method, parts, air


@st.cache_resource(max_entries=32, show_spinner="Timing one batch")
def planned(digest: str, model: str, method: str, parts: int) -> Whole:
    """The plan of a run; `parts` of the network's stride are its step."""
    sample, spec = state.by_digest(digest), registry.find(model)
    net = cache.network(model, sample.dim)
    plan = plan_whole(sample, spec, net, method)
    if parts == 1:
        return plan
    return plan_whole(sample, spec, net, method, max(1, min(plan.step) // parts))


def _plan_words(place: Place, plan: Whole) -> str:
    """What the run will take, and what its answer will be worth."""
    seconds = max(1, round(plan.seconds))
    what = "windows" if plan.method == SLIDING else "answers"
    lines = [
        f"**{thousands(plan.windows)}** {what} of {shape_text(plan.size)} voxels, one every "
        f"{_step_words(place, plan)} · at most **{thousands(round(plan.bytes / MB))} MB** · about "
        f"**{duration(seconds)}**"
    ]
    if plan.method == WINDOWS:
        lines.append(
            "Each patch is cut out and normalised by itself: every answer is the one that the "
            "crosshair gets there."
        )
    if plan.method == DENSE:
        why = "The scan is normalised once, by the median range of its patches"
        if plan.borders:
            why += (
                f", and {len(plan.borders)} layers pad with zeros where a patch ends, while here "
                "they see its neighbours: a fast approximation, no exact answer"
            )
        lines.append(f"{why}.")
    if plan.method == SLIDING:
        lines.append("Windows overlap by a quarter and are blended with Gaussian weights.")
    return f"{lines[0]}  \n:gray[:small[{' '.join(lines[1:])}]]"


def _step_words(place: Place, plan: Whole) -> str:
    spacing = place.spec.input.spacing
    step = np.array(plan.step) * (spacing or 1)
    unit = "mm" if spacing else "voxels"
    sizes = {f"{s:.3g}" for s in step}
    return (sizes.pop() if len(sizes) == 1 else " × ".join(f"{s:.3g}" for s in step)) + f" {unit}"


def _run(place: Place, plan: Whole, key: Key, name: str) -> None:
    """Run the plan under a bar with Cancel; then draw it."""
    digest, model, _, _, air = key
    net = cache.network(model, place.sample.dim)
    steps = whole_map(place.sample, place.spec, net, plan, skip_air=air)
    with (
        tasks.progress(name, f"Running {model} over {place.sample.name}") as report,
        closing(steps),
    ):
        for step in steps:
            report(step.fraction)
    whole_results.keep(digest, model, step.values["answer"])
    st.session_state.pop(WANTED, None)
    settings.choose_overlay(digest, next(iter(whole_results.offered(digest, model))))
    st.rerun()


def _show_result(place: Place) -> None:
    """Which class lies over the planes, how the map was made, and its file."""
    digest, model = place.sample.digest, place.spec.name
    answer = whole_results.finished(digest, model)
    if answer is None:
        return
    rows = whole_results.offered(digest, model)
    if len(rows) > 1:
        _pick_class(place, rows)
    what = "probabilities.nii.gz" if isinstance(answer.found, ClassMap) else "labels.nii.gz"
    files = (panels.Download("NIfTI", what, "application/gzip", lambda: _nifti(place, answer)),)
    panels.caption(result_words(model, answer), "whole", files)


def _pick_class(place: Place, rows: dict[str, str]) -> None:
    """The class whose probability is drawn; also among the overlays beside the picture."""
    digest = place.sample.digest
    lying = place.settings.overlay(digest)
    chosen = lying if lying in rows else None
    key = f"scan-whole-class-{chosen}"
    st.segmented_control(
        "Probability of",
        list(rows),
        default=chosen,
        format_func=lambda row: rows[row].partition(": ")[2],
        key=key,
        on_change=lambda: settings.choose_overlay(digest, st.session_state[key] or ""),
    )


def result_words(model: str, answer: WholeAnswer) -> str:
    """The caption: network, method, windows run, seconds."""
    of = "" if answer.run == answer.plan.windows else f" of {thousands(answer.plan.windows)}"
    method = TITLES[answer.plan.method].lower()
    return f"{model} · {method} · {thousands(answer.run)}{of} windows · {answer.seconds:.1f} s"


def _nifti(place: Place, answer: WholeAnswer) -> bytes:
    """All classes on the map's own grid, or the labels on the scan's."""
    if not isinstance(answer.found, ClassMap):
        return label_nifti(place.sample, answer.found)
    affine = whole_results.affine_of(place, answer.found)
    return map_nifti_bytes(answer.found.probabilities, affine)
