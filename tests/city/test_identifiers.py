"""Ids sort by time, and none is made twice."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

from city.identifiers import mint


def test_an_id_is_a_ulid_that_sorts_by_time() -> None:
    before = mint()
    time.sleep(0.002)
    assert re.fullmatch(r"0[0-9A-HJKMNP-TV-Z]{25}", before)
    assert before[:10] < mint()[:10]


def test_no_id_is_made_twice_by_several_threads() -> None:
    with ThreadPoolExecutor(8) as threads:
        made = [one for each in threads.map(lambda _: [mint() for _ in range(2000)], range(8)) for one in each]
    assert len({one[10:] for one in made}) == len(made)
