"""The ways a file can fail to be read: one exception type each, with a one-line message."""

LONGEST_MESSAGE = 400
LONGEST_NAME = 60


class UnreadableFile(ValueError):
    """Base of all reading errors; the message is one printable line of at most 400 characters."""

    def __init__(self, message: str) -> None:
        line = " ".join("".join(c if c.isprintable() else " " for c in message).split())
        if len(line) > LONGEST_MESSAGE:
            line = line[: LONGEST_MESSAGE - 3] + "..."
        super().__init__(line)


class EmptyFile(UnreadableFile):
    """Nothing was given, or a file of zero bytes."""


class UnknownFormat(UnreadableFile):
    """No reader knows what the files are."""


class DamagedFile(UnreadableFile):
    """The format is known, but the files contradict themselves or a part is missing."""


class UnsafeFile(UnreadableFile):
    """The files point outside themselves, or expand beyond the limits."""


class ChoiceNeeded(UnreadableFile):
    """The files can be read after one question is answered.

    `key` is what `open_files(files, choices={key: answer})` wants, `options` are the answers to
    offer; for `rate_hz` they are suggestions and any positive number will do.
    """

    def __init__(self, key: str, question: str, options: tuple[str, ...] = ()) -> None:
        self.key = key
        self.question = question
        self.options = tuple(options)
        shown = "; ".join(short(option, 30) for option in self.options[:8])
        more = f" and {len(self.options) - 8} more" if len(self.options) > 8 else ""
        listed = f" ({shown}{more})" if shown else ""
        super().__init__(f"{question} Choose {key}{listed}.")


def short(name: str, longest: int = LONGEST_NAME) -> str:
    """`name` as it fits into a message: its end matters most, so the middle is left out."""
    if len(name) <= longest:
        return name
    half = (longest - 3) // 2
    return f"{name[:half]}...{name[-half:]}"
