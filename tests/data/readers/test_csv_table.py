"""Tables of numbers: real files against their own lines, and layouts made by hand."""

import csv

import numpy as np
import pytest

from dashboard.data.readers import ChoiceNeeded, open_files

WAVE = [round(float(v), 4) for v in np.sin(np.arange(60) / 5)]


def _sample(text: str, **choices: str):
    return open_files([("t.csv", text.encode())], choices)


def _table(times, delimiter: str = ",", header: str = "") -> str:
    rows = [f"{t}{delimiter}{v}" for t, v in zip(times, WAVE, strict=True)]
    return "\n".join([*([header] if header else []), *rows]) + "\n"


@pytest.mark.parametrize("name", ["118e06.csv", "e0103.csv"])
def test_a_bare_column_asks_for_rate_and_unit(data_dir, name):
    path = data_dir / "ecg_formats/csv" / name
    with pytest.raises(ChoiceNeeded) as caught:
        open_files([path])
    assert caught.value.key == "rate_hz"
    with pytest.raises(ChoiceNeeded) as caught:
        open_files([path], {"rate_hz": "250"})
    assert (caught.value.key, caught.value.options[0]) == ("unit", "mV")
    sample = open_files([path], {"rate_hz": "250", "unit": "mV"})
    expected = [float(line) for line in path.read_text().split()]
    np.testing.assert_array_equal(sample.array[0], np.float32(expected))
    assert (sample.sampling_rate, sample.units) == (250.0, ("mV",))


def test_a_comment_header_gives_rate_and_lead(data_dir):
    path = data_dir / "ecg_formats/csv/ecg.txt"
    sample = open_files([path], {"unit": "raw"})
    expected = [float(line) for line in path.read_text().splitlines()[4:]]
    np.testing.assert_array_equal(sample.array[0], np.float32(expected))
    assert (sample.sampling_rate, sample.channels, sample.units) == (1000.0, ("ECG",), ("NU",))


def test_a_watch_export_needs_no_question_and_keeps_no_name(data_dir):
    path = data_dir / "ecg_formats/csv/ecg_2021-12-17.csv"
    sample = open_files([path])
    lines = path.read_text(encoding="utf-8").splitlines()
    expected = [float(line) for line in lines[lines.index("Unit,µV") + 2 :] if line]
    np.testing.assert_allclose(sample.array[0], np.array(expected) / 1000, rtol=1e-6)
    assert (sample.sampling_rate, sample.channels) == (513.625, ("I",))
    for private in ("Redacted", "1990", "Watch5"):
        assert private not in repr(sample)


def test_timestamps_in_microseconds_give_the_rate(data_dir):
    path = data_dir / "ecg_formats/csv/ecg_data_1.csv"
    sample = open_files([path], {"unit": "mV"})
    rows = list(csv.reader(path.read_text().splitlines()))[1:]
    times = np.array([int(row[0]) for row in rows])
    assert sample.sampling_rate == pytest.approx(1e6 / np.diff(times).mean(), rel=2e-3)
    present = sample.array[0][np.isfinite(sample.array[0])]
    np.testing.assert_array_equal(present, np.float32([float(row[1]) for row in rows]))


def test_an_unnamed_time_column_in_seconds_is_found(data_dir):
    path = data_dir / "ecg_formats/csv/raw_tab.csv"
    sample = open_files([path], {"unit": "uV"})
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    assert (sample.sampling_rate, sample.channels) == (256.0, ("Var2",))
    expected = np.array([float(row[1]) for row in rows]) / 1000
    np.testing.assert_allclose(sample.array[0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("step", "header"),
    [(0.002, "time,ecg [mV]"), (2, "ms,ecg [mV]"), (2, "t,ecg [mV]"), (2000, "timestamp,ecg (mV)")],
)
def test_the_unit_of_time_follows_from_name_or_plausibility(step, header):
    sample = _sample(_table([f"{i * step:g}" for i in range(60)], header=header))
    assert sample.sampling_rate == 500.0
    assert sample.units == ("mV",)
    np.testing.assert_array_equal(sample.array[0], np.float32(WAVE))


def test_missing_rows_of_the_time_column_are_gaps():
    text = _table([f"{i * 0.004 + (i >= 30):.3f}" for i in range(60)], header="time [s],II [mV]")
    sample = _sample(text)
    assert sample.sampling_rate == 250.0
    assert sample.shape == (60 + 250,)
    assert np.isnan(sample.array[0, 30:280]).all()
    np.testing.assert_array_equal(sample.array[0, 280:], np.float32(WAVE[30:]))
    assert any("gaps in the time column" in note for note in sample.notes)


def test_a_physionet_table_with_clock_and_units_is_read():
    header = "'Elapsed time','MLII','V5'\n'hh:mm:ss.mmm','mV','mV'\n"
    rows = [f"'0:{59 + i // 250:02d}.{i % 250 * 4:03d}',{v},{-v}" for i, v in enumerate(WAVE)]
    sample = _sample(header + "\n".join(rows))
    assert (sample.sampling_rate, sample.channels) == (250.0, ("MLII", "V5"))
    np.testing.assert_array_equal(sample.array[1], np.float32([-v for v in WAVE]))


def test_dates_and_times_give_the_rate():
    times = [f"2021-12-17 23:59:{59 + i / 100:06.3f}" for i in range(60)]
    assert _sample(_table(times, header="date,ecg_mV")).sampling_rate == 100.0


@pytest.mark.parametrize(
    ("delimiter", "decimal"),
    [(",", "."), (";", "."), ("\t", "."), (" ", "."), (";", ","), ("|", ".")],
)
def test_delimiters_and_decimal_commas_are_found(delimiter, decimal):
    rows = [delimiter.join([str(v), str(v * 2)]).replace(".", decimal) for v in WAVE]
    text = f"I{delimiter}II\n" + "\n".join(rows)
    sample = _sample(text, rate_hz="100", unit="mV")
    assert sample.channels == ("I", "II")
    np.testing.assert_array_equal(sample.array[0], np.float32(WAVE))


def test_a_comma_between_whole_numbers_separates_them():
    sample = _sample("I,II\n" + "1,2\n" * 50, rate_hz="100", unit="mV")
    assert sample.array[:, 0].tolist() == [1.0, 2.0]


def test_a_comma_before_hundredths_is_a_decimal_one():
    sample = _sample("0,05\n-0,25\n" * 50, rate_hz="100", unit="mV")
    np.testing.assert_array_equal(sample.array[0, :2], np.float32([0.05, -0.25]))


def test_missing_values_are_gaps_and_a_counter_is_no_lead():
    rows = [f"{i},{v if i % 10 else ''},nan" for i, v in enumerate(WAVE)]
    sample = _sample("sample,I,II\n" + "\n".join(rows), rate_hz="100", unit="mV")
    assert sample.channels == ("I", "II")
    assert np.flatnonzero(np.isnan(sample.array[0])).tolist() == list(range(0, 60, 10))
    assert "No valid samples in II" in sample.notes


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1"])
def test_encodings_do_not_matter(encoding):
    text = "I [µV]\n" + "\n".join(map(str, WAVE))
    sample = open_files([("t.csv", text.encode(encoding))], {"rate_hz": "100"})
    np.testing.assert_allclose(sample.array[0], np.array(WAVE) / 1000, rtol=1e-6)


def test_a_quote_in_the_preamble_swallows_nothing():
    text = 'size 5" tall\nUnit: mV\nSampling rate: 100 Hz\n' + "\n".join(map(str, WAVE))
    np.testing.assert_array_equal(_sample(text).array[0], np.float32(WAVE))


def test_a_lead_called_v_is_no_unit():
    text = "lead V,lead II\n" + "\n".join(f"{v},{v}" for v in WAVE)
    assert _sample(text, rate_hz="100", unit="mV").channels == ("V", "II")


def test_leads_are_chosen_by_name():
    text = "I,II,V1\n" + "\n".join(f"{v},{v * 2},{v * 3}" for v in WAVE)
    sample = _sample(text, rate_hz="100", unit="mV", lead="V1")
    np.testing.assert_allclose(sample.array, [np.array(WAVE) * 3], rtol=1e-6)


@pytest.mark.parametrize("rate", ["0", "-5", "nan", "inf", "many", "1e12"])
def test_an_impossible_rate_is_asked_for_again(rate):
    with pytest.raises(ChoiceNeeded, match="not a positive number"):
        _sample("\n".join(map(str, WAVE)), rate_hz=rate, unit="mV")


def test_an_impossible_unit_is_asked_for_again():
    with pytest.raises(ChoiceNeeded, match="'furlong' is not a voltage"):
        _sample("\n".join(map(str, WAVE)), rate_hz="100", unit="furlong")
