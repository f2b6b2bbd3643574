"""The random bits against the formula in whole numbers of Python, and that they look random."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.draws import bits, kept, key_at, key_of, normal, order, places

MASK = 0xFFFFFFFF


def mixed(h: int) -> int:
    h ^= h >> 16
    h = h * 0x7FEB352D & MASK
    h ^= h >> 15
    h = h * 0x846CA68B & MASK
    return h ^ h >> 16


def by_hand(key: int, index: int) -> int:
    return mixed(mixed(index ^ key) ^ key * 0x9E3779B1 & MASK)


def test_the_bits_are_those_of_the_formula() -> None:
    for key in (0, 1, 0x5D3F21AA, MASK):
        index = np.array([0, 1, 2, 77, 2**31, MASK], np.uint32)
        assert bits(key, index).tolist() == [by_hand(key, int(i)) for i in index]
        assert key_at(key, 5) == by_hand(key, 5)


def test_a_key_is_the_beginning_of_a_sha256() -> None:
    # printf '7/drop' | sha256sum begins with these bytes.
    import hashlib

    begin = hashlib.sha256(b"7/drop").hexdigest()[:8]
    assert key_of(7, "drop").to_bytes(4, "little").hex() == begin


def test_places_count_the_rows_of_the_whole_batch() -> None:
    whole = places((5, 2, 3))
    assert whole.tolist() == np.arange(30).reshape(5, 2, 3).tolist()
    np.testing.assert_array_equal(places((2, 2, 3), row=3), whole[3:])
    # [3, 2] in place of [2, 3]: the axes are exchanged.
    np.testing.assert_array_equal(places((5, 3, 2), axes=(1, 0)), whole.transpose(0, 2, 1))
    np.testing.assert_array_equal(
        places((5, 3, 4, 2), axes=(1, 2, 0)),
        np.arange(120).reshape(5, 2, 3, 4).transpose(0, 2, 3, 1),
    )
    assert places((1, 8), row=2**29).tolist() == [list(range(8))]  # modulo 2^32


def test_dropout_keeps_its_share_of_independent_elements() -> None:
    count, rate = 100_000, 0.3
    found = [kept(rate, key_at(key_of(1, "drop"), step), places((count,))) for step in range(3)]
    deviation = (rate * (1 - rate) / count) ** 0.5
    for mask in found:
        assert abs(mask.mean() - 0.7) < 4 * deviation
        assert abs(np.corrcoef(mask[1:], mask[:-1])[0, 1]) < 4 / count**0.5
    for a, b in ((0, 1), (1, 2), (0, 2)):
        assert abs(np.corrcoef(found[a], found[b])[0, 1]) < 4 / count**0.5


def test_normal_numbers_have_the_moments_of_the_normal_distribution() -> None:
    z = normal(key_of(3, "noise"), places((200_000,)))
    for power, (moment, spread) in {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96)}.items():
        assert abs((z**power).mean() - moment) < 4 * (spread / z.size) ** 0.5
    # The share within one standard deviation.
    assert abs((np.abs(z) < 1).mean() - math.erf(0.5**0.5)) < 4 * (0.22 / z.size) ** 0.5
    assert abs(np.corrcoef(z[1:], z[:-1])[0, 1]) < 4 / z.size**0.5


def test_an_order_is_a_permutation() -> None:
    found = order(1000, 42)
    assert sorted(found.tolist()) == list(range(1000))
    assert (
        bits(42, found[:3].astype(np.uint32)).tolist()
        == sorted(by_hand(42, i) for i in range(1000))[:3]
    )
