"""Run by `run_isolated`: FLAC on standard input, interleaved native int32 on standard output.

Arguments: channels and samples per channel. Another number of channels or too few samples give
no output; what comes after the samples asked for is never decoded.
"""

import io
import sys

import soundfile

PIECE = 2**16


def main() -> None:
    channels, samples = (int(argument) for argument in sys.argv[1:3])
    with soundfile.SoundFile(io.BytesIO(sys.stdin.buffer.read())) as stream:
        if stream.format != "FLAC" or stream.channels != channels or stream.frames < samples:
            return
        while samples > 0:
            piece = stream.buffer_read(min(PIECE, samples), dtype="int32")
            if not len(piece):
                return
            sys.stdout.buffer.write(piece)
            samples -= len(piece) // (4 * channels)


if __name__ == "__main__":
    main()
