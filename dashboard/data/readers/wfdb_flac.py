"""FLAC-compressed WFDB signals (formats 508, 516, 524), decoded in a child process."""

from pathlib import Path

import numpy as np

from dashboard.data.readers.errors import DamagedFile, UnsafeFile
from dashboard.data.readers.files import File
from dashboard.data.readers.isolated import Limits, run_isolated

CHILD = Path(__file__).with_name("flac_child.py")
# Real ECG compresses to a half or a quarter; long flat stretches to much less.
MOST_SAMPLES_PER_BYTE = 200
SAMPLE_BYTES = 4
SECONDS = 60


def decode_flac(file: File, bits: int, channels: int, samples: int) -> np.ndarray:
    """`samples` samples of every channel, (samples, channels) int32 of `bits` bits.

    Raises UnsafeFile where little data is declared to hold very much, DamagedFile where the
    stream is not what the header says.
    """
    if samples * channels > MOST_SAMPLES_PER_BYTE * file.size:
        raise UnsafeFile(
            f"{file.shown} is declared to expand from {file.size:,} bytes to "
            f"{samples * channels:,} samples, over {MOST_SAMPLES_PER_BYTE} for each byte: refused."
        )
    wanted = samples * channels * SAMPLE_BYTES
    limits = Limits(SECONDS, output_bytes=wanted)
    output = run_isolated(CHILD, [str(channels), str(samples)], file.read(), limits)
    if len(output) != wanted:
        raise DamagedFile(
            f"{file.shown} is not a FLAC stream of {channels} channels with {samples:,} samples, "
            "as its header declares: copy both again."
        )
    # libsndfile fills the top bits of an int32 whatever the stream's own width.
    return np.frombuffer(output, dtype=np.int32).reshape(samples, channels) >> (32 - bits)
