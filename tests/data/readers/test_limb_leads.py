"""Limb leads computed from I and II, against electrode potentials."""

import numpy as np

from dashboard.data.readers.limb_leads import STANDARD, with_limb_leads

RIGHT, LEFT, FOOT = np.random.default_rng(6).normal(size=(3, 50))  # potentials of the electrodes
CENTRE = (RIGHT + LEFT + FOOT) / 3
# Wilson's terminal times 3/2: Goldberger's leads measure against the mean of the other two.
LEADS = {
    "I": LEFT - RIGHT,
    "II": FOOT - RIGHT,
    "III": FOOT - LEFT,
    "aVR": (RIGHT - CENTRE) * 1.5,
    "aVL": (LEFT - CENTRE) * 1.5,
    "aVF": (FOOT - CENTRE) * 1.5,
}
CHEST = [f"V{number}" for number in range(1, 7)]


def test_computed_leads_equal_those_measured_at_the_electrodes():
    stored = np.stack([LEADS["I"], LEADS["II"], *np.arange(300.0).reshape(6, 50)])
    names, values, notes = with_limb_leads(["I", "II", *CHEST], stored)
    assert names == STANDARD
    for row, name in enumerate(names[:6]):
        np.testing.assert_allclose(values[row], LEADS[name], atol=1e-12)
    np.testing.assert_array_equal(values[6:], stored[2:])
    assert notes == ["Computed from I and II: III, aVR, aVL, aVF"]


def test_stored_leads_are_kept_as_they_are_and_only_put_in_order():
    stored = np.random.default_rng(7).normal(size=(4, 9))
    names, values, notes = with_limb_leads(["resp", "aVF", "II", "I"], stored)
    assert names == ("I", "II", "III", "aVR", "aVL", "aVF", "resp")
    np.testing.assert_array_equal(values[[6, 5, 1, 0]], stored)
    assert notes == ["Computed from I and II: III, aVR, aVL"]


def test_without_both_leads_nothing_is_computed():
    stored = np.ones((2, 5))
    names, values, notes = with_limb_leads(["V1", "II"], stored)
    assert (names, notes) == (("V1", "II"), [])
    assert values is stored


def test_a_gap_in_either_lead_is_a_gap_in_what_follows():
    stored = np.ones((2, 5), dtype=np.float32)
    stored[1, 3] = np.nan
    _, values, _ = with_limb_leads(["I", "II"], stored)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(values[2:]).any(axis=0), np.arange(5) == 3)
