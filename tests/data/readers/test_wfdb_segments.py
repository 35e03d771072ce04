"""Variable-layout WFDB records: leads that come and go, against the wfdb package; what is wrong."""

import numpy as np
import pytest
import wfdb

from dashboard.data.readers import DamagedFile, UnreadableFile, UnsafeFile, open_files

LAYOUT = ["II", "V", "ABP"]
# Leads of each segment, its length, gain and storage format; None is a gap.
PARTS = [
    (["II", "V"], 500, 200.0, "16"),
    (None, 350, 0, ""),
    (["V", "ABP", "II"], 400, 117.0, "212"),
    (["II"], 250, 400.0, "16"),
    (None, 100, 0, ""),
    (["ABP"], 300, 50.0, "80"),
]


@pytest.fixture(scope="module")
def variable_record(tmp_path_factory):
    """A folder with the record "v", its segments written by the wfdb package."""
    folder = tmp_path_factory.mktemp("variable")
    rng = np.random.default_rng(5)
    lines = ["v_layout 0"]
    for number, (leads, length, gain, kind) in enumerate(PARTS):
        lines.append(f"{'~' if leads is None else f'v_{number}'} {length}")
        if leads is None:
            continue
        most = 100 if kind == "80" else 1900
        wfdb.wrsamp(
            f"v_{number}",
            fs=125,
            units=["mmHg" if lead == "ABP" else "mV" for lead in leads],
            sig_name=leads,
            d_signal=rng.integers(-most, most, (length, len(leads))),
            fmt=[kind] * len(leads),
            adc_gain=[gain] * len(leads),
            baseline=[number] * len(leads),
            write_dir=str(folder),
        )
    total = sum(length for _, length, *_ in PARTS)
    head = f"v/{len(PARTS) + 1} {len(LAYOUT)} 125 {total}\n"
    (folder / "v.hea").write_text(head + "\n".join(lines) + "\n")
    rows = [f"~ 0 1/{'mmHg' if n == 'ABP' else 'mV'} 12 0 0 0 0 {n}" for n in LAYOUT]
    (folder / "v_layout.hea").write_text("v_layout 3 125 0\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture
def parts(variable_record):
    """The files of the record by name, to change."""
    return {path.name: path.read_bytes() for path in sorted(variable_record.iterdir())}


def _open(parts, **choices: str):
    return open_files(list(parts.items()), choices)


def test_values_and_gaps_equal_those_of_the_wfdb_package(variable_record):
    sample = open_files([variable_record])
    expected = wfdb.rdrecord(str(variable_record / "v"), m2s=True)
    assert sample.name == "v"
    assert sorted(sample.channels) == sorted(expected.sig_name)
    for row, name in enumerate(sample.channels):
        column = expected.sig_name.index(name)
        values = expected.p_signal[:, column].astype(np.float32)
        np.testing.assert_array_equal(sample.array[row], values, err_msg=name)
        assert sample.units[row] == expected.units[column]
    assert (sample.sampling_rate, sample.shape) == (125.0, (1900,))
    assert any(note.startswith("Gaps in") for note in sample.notes)


def test_a_lead_is_missing_exactly_where_it_was_not_recorded(variable_record):
    sample = open_files([variable_record], {"lead": "V"})
    recorded = np.zeros(1900, dtype=bool)
    recorded[:500] = recorded[850:1250] = True
    np.testing.assert_array_equal(np.isfinite(sample.array[0]), recorded)


def test_a_zip_holds_the_same_record(variable_record, parts, zipped):
    sample = open_files([("v.zip", zipped(list(parts.items())))])
    assert sample.digest == open_files([variable_record]).digest


def test_samples_per_frame_of_the_layout_make_a_group_of_its_own(tmp_path):
    stored = np.arange(40, dtype="<i2").reshape(10, 4)  # a frame: three samples of II, one of ABP
    (tmp_path / "m_1.dat").write_bytes(stored.tobytes())
    (tmp_path / "m_1.hea").write_text(
        "m_1 2 100 10\nm_1.dat 16x3 10/mV 16 0 0 0 0 II\nm_1.dat 16 1/mmHg 16 0 0 0 0 ABP\n"
    )
    (tmp_path / "m_layout.hea").write_text(
        "m_layout 2 100 0\n~ 0 1/mmHg 0 0 0 0 0 ABP\n~ 0x3 1/mV 0 0 0 0 0 II\n"
    )
    (tmp_path / "m.hea").write_text("m/3 2 100 14\nm_layout 0\n~ 4\nm_1 10\n")
    sample = open_files([tmp_path])
    assert (sample.channels, sample.sampling_rate) == (("II",), 300.0)
    assert np.isnan(sample.array[0, :12]).all()
    np.testing.assert_allclose(sample.array[0, 12:], stored[:, :3].reshape(-1) / 10)


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("v.hea", b"v/7 3", b"v/7 4", "declares 4 signals, but its layout v_layout.hea lists 3"),
        ("v.hea", b" 1900\n", b" 1901\n", "declares 1,901 samples, but its segments hold 1,900"),
        ("v.hea", b"v_0 500", b"w_0 500", "needs the segment w_0.hea, which is missing"),
        ("v.hea", b"v_layout 0", b"layout 0", "needs the segment layout.hea, which is missing"),
        ("v_layout.hea", b"~ 0", b"v_0.dat 16", "should name no signal files"),
        ("v_layout.hea", b" V\n", b" W\n", "holds the signal V, which the layout of v.hea does"),
        ("v_layout.hea", b"~ 0 1/mV", b"~ 0x2 1/mV", "with 1 samples per frame, but the layout"),
        ("v_3.hea", b"/mV", b"/NU", "holds II in mV in one segment and in NU in another"),
        ("v_2.hea", b" 125 ", b" 250 ", "disagree on signals, sampling rate or length"),
        ("v_0.dat", None, b"", "v_0.dat is empty"),
        ("v_0.dat", None, b"12345678", "holds only 2: it is cut off"),
    ],
)
def test_what_contradicts_itself_says_so(parts, file, old, new, expected):
    changed = new if old is None else parts[file].replace(old, new)
    assert changed != parts[file]
    with pytest.raises(UnreadableFile) as caught:
        _open({**parts, file: changed}, record="v")
    assert expected in str(caught.value)


def test_a_record_of_gaps_alone_is_no_record(parts):
    header = b"v/2 3 125 1900\nv_layout 0\n~ 1900\n"
    with pytest.raises(DamagedFile, match="consists of gaps alone"):
        _open({**parts, "v.hea": header}, record="v")


def test_an_endless_gap_is_refused(parts):
    header = b"v/3 3 125 0\nv_layout 0\nv_0 500\n~ 300000000\n"
    with pytest.raises(UnsafeFile, match="made to fill the memory"):
        _open({**parts, "v.hea": header}, record="v")
