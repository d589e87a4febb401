"""Streams: what was written comes back, and nothing else opens."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.aead import Seal
from crypto.errors import SealInvalid
from crypto.stream import CHUNK_BYTES, SealingWriter, open_chunks

SEAL = Seal(b"k" * 32)
HEAD = len(b"citygate stream\x01") + 2 + 53 + 32


def sealed(data: bytes, *, purpose: str = "p", pieces: int = 1 << 20, seal: Seal = SEAL) -> bytes:
    sink = io.BytesIO()
    writer = SealingWriter(sink, seal, purpose=purpose)
    for at in range(0, len(data), pieces):
        writer.write(data[at : at + pieces])
    writer.close()
    return sink.getvalue()


def opens(data: bytes, *, purpose: str = "p", seal: Seal = SEAL) -> bytes:
    return b"".join(open_chunks(io.BytesIO(data), seal, purpose=purpose))


def chunks(data: bytes) -> list[bytes]:
    size = CHUNK_BYTES + 16
    return [data[at : at + size] for at in range(HEAD, len(data), size)]


THREE = bytes(range(256)) * (CHUNK_BYTES // 256) * 2 + b"end"


@given(st.integers(0, 3 * CHUNK_BYTES + 1), st.integers(CHUNK_BYTES // 3, 2 * CHUNK_BYTES))
def test_whatever_its_length_and_the_sizes_it_was_written_in_a_stream_comes_back(length: int, pieces: int) -> None:
    data = (b"0123456789abcdef" * (length // 16 + 1))[:length]
    assert opens(sealed(data, pieces=pieces)) == data


@pytest.mark.parametrize("length", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES])
def test_at_the_edges_of_chunks_too(length: int) -> None:
    assert opens(sealed(b"x" * length)) == b"x" * length


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one[:-1],
        lambda one: one[: HEAD + CHUNK_BYTES + 16],  # whole chunks, the last missing
        lambda one: one[:HEAD],
        lambda one: one[:10],
        lambda _: b"",
        lambda one: one + b"x",
        lambda one: one + one[HEAD:],
        lambda one: one[:HEAD] + b"".join(reversed(chunks(one))),
        lambda one: one[:HEAD] + b"".join([chunks(one)[1], chunks(one)[0], chunks(one)[2]]),
        lambda one: one[:HEAD] + b"".join([chunks(one)[0], chunks(one)[0], chunks(one)[2]]),
        lambda one: one[:HEAD] + chunks(one)[2],
        lambda one: one[:HEAD] + b"".join([chunks(sealed(THREE))[0], *chunks(one)[1:]]),  # of another stream
        lambda one: sealed(THREE)[:HEAD] + one[HEAD:],
    ],
)
def test_a_chunk_that_is_cut_off_moved_repeated_or_of_another_stream_does_not_open(change) -> None:
    with pytest.raises(SealInvalid):
        opens(change(sealed(THREE)))


@given(st.integers(0, len(THREE) + HEAD + 3 * 16 - 1))
def test_one_flipped_bit_anywhere_is_found(at: int) -> None:
    whole = SEALED
    with pytest.raises(SealInvalid):
        opens(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])


SEALED = sealed(THREE)


def test_another_key_or_purpose_opens_nothing() -> None:
    for wrong in ({"seal": Seal(b"w" * 32)}, {"purpose": "q"}):
        with pytest.raises(SealInvalid):
            opens(SEALED, **wrong)


def test_two_streams_of_the_same_share_no_byte_sequence() -> None:
    assert chunks(sealed(THREE))[0] != chunks(sealed(THREE))[0]


def test_memory_stays_flat() -> None:
    class Nowhere(io.RawIOBase):
        def write(self, data: object) -> int:
            return 0

    def peak(count: int) -> int:
        tracemalloc.start()
        writer = SealingWriter(Nowhere(), SEAL, purpose="p")
        for _ in range(count):
            writer.write(b"x" * CHUNK_BYTES)
        writer.close()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(64) < peak(8) + CHUNK_BYTES
