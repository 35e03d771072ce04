"""WFDB annotation files against the wfdb package, and words made by hand."""

import numpy as np
import pytest
import wfdb

from dashboard.data.readers import open_files


@pytest.mark.parametrize("record", ["mitdb/101", "mitdb/207", "mitdb/223", "ecg_formats/ood/300"])
def test_marks_equal_those_of_the_wfdb_package(data_dir, record):
    (marks,) = open_files([data_dir / f"{record}.hea"]).annotations
    expected = wfdb.rdann(str(data_dir / record), "atr")
    assert marks.name == "atr"
    np.testing.assert_array_equal(marks.positions, expected.sample)
    assert list(marks.symbols) == expected.symbol
    notes = [note.rstrip("\0") for note in expected.aux_note]
    assert list(marks.notes or [""] * len(marks)) == notes


def test_words_are_read_as_the_manual_says(plain_record, mark_words):
    data = mark_words(
        (1, 10),  # N at 10
        (61, 2),  # its subtype, not ours
        (59, 0), (0, 0), (0, 0x190),  # skip 400
        (5, 0),  # V at 410
        (63, 3), (24, 264), (0, 33),  # with the note "\x08a!"
    )  # fmt: skip
    (marks,) = open_files([*plain_record(), ("r.atr", data)]).annotations
    assert marks.positions.tolist() == [10, 410]
    assert marks.symbols == ("N", "V")
    assert len(marks.notes[1]) == 3


def test_positions_follow_the_resolution_the_file_states(plain_record, tmp_path):
    wfdb.wrann("r", "atr", np.array([50, 100]), symbol=["N", "V"], fs=125, write_dir=str(tmp_path))
    data = (tmp_path / "r.atr").read_bytes()
    (marks,) = open_files([*plain_record(), ("r.atr", data)]).annotations
    assert marks.positions.tolist() == [100, 200]  # the signal has 250 Hz
    assert marks.symbols == ("N", "V")


def test_symbols_a_file_defines_itself_are_known(plain_record, tmp_path):
    wfdb.wrann(
        "r",
        "atr",
        np.array([5, 9]),
        symbol=["N", "Z"],
        custom_labels=[("Z", "an own mark")],
        write_dir=str(tmp_path),
    )
    data = (tmp_path / "r.atr").read_bytes()
    (marks,) = open_files([*plain_record(), ("r.atr", data)]).annotations
    assert marks.symbols == ("N", "Z")


def test_every_annotator_beside_the_record_is_read(plain_record, mark_words):
    files = [*plain_record(), ("r.atr", mark_words((1, 9))), ("r.qrs", mark_words((5, 7)))]
    marks = open_files([*files, ("other.ari", mark_words((1, 1)))]).annotations
    assert [m.name for m in marks] == ["atr", "qrs"]


def test_a_cut_annotation_file_leaves_the_signal_with_a_note(plain_record, mark_words):
    sample = open_files([*plain_record(), ("r.atr", mark_words((1, 9), (5, 3))[:-2])])
    assert sample.annotations == ()
    assert any("r.atr is not a complete annotation file" in note for note in sample.notes)


def test_marks_outside_the_signal_are_dropped_with_a_note(plain_record, mark_words):
    data = mark_words((1, 999), (1, 1))
    sample = open_files([*plain_record(), ("r.atr", data)])
    assert sample.annotations[0].positions.tolist() == [999]
    assert "1 of 2 marks of atr lie outside the signal" in sample.notes
