"""Pictures that the browser has are named, not sent again; what it lacks is asked for."""

from dashboard.ui.components.tiles import SENT, Tile, _named, _packed


def packed(*pictures):
    return [_packed(Tile(f"t{k}", (picture,))) for k, picture in enumerate(pictures)]


def test_a_picture_is_sent_once():
    first, sent = _named(packed(b"one", b"two"), ())
    assert len(first["pictures"]) == 2
    again, sent = _named(packed(b"one", b"three"), sent)
    (name,) = again["pictures"]
    assert again["tiles"][1]["layers"] == [name]
    assert again["tiles"][0]["layers"] == first["tiles"][0]["layers"]
    last, _ = _named(packed(b"two", b"three"), sent)
    assert last["pictures"] == {}


def test_what_was_sent_long_ago_is_sent_again():
    data, sent = _named(packed(b"old"), ())
    for number in range(SENT):
        _, sent = _named(packed(str(number).encode()), sent)
    assert len(sent) == SENT
    again, _ = _named(packed(b"old"), sent)
    assert again["pictures"] == data["pictures"]


def test_after_a_question_everything_is_sent_and_every_run_has_its_own_turn():
    first, sent = _named(packed(b"one"), ())
    named, _ = _named(packed(b"one"), sent)
    full, _ = _named(packed(b"one"), ())  # the book is thrown away when the browser asks
    assert named["pictures"] == {}
    assert full["pictures"] == first["pictures"]
    assert len({one["turn"] for one in (first, named, full)}) == 3


def test_a_readout_among_the_tiles_stays_as_it_is():
    from dashboard.ui.components.tiles import Readout, ReadoutRow

    row = _packed(Readout((ReadoutRow("x", "1 mm"),)))
    data, _ = _named([*packed(b"one"), row], ())
    assert data["tiles"][1] == row
